import { startHaproxy } from "../support/haproxy.ts";
import { testBehindProxy } from "./behind-proxy.ts";

testBehindProxy("HAProxy at its defaults", {
  start: async (port) => startHaproxy(port),
});

testBehindProxy("HAProxy with `option http-no-delay`, cut after 1 s of silence", {
  start: async (port) =>
    startHaproxy(port, { defaults: "option http-no-delay\n  timeout server 1s" }),
});
