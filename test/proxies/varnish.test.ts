import { startVarnish } from "../support/varnish.ts";
import { testBehindProxy } from "./behind-proxy.ts";

testBehindProxy("Varnish that passes streams", {
  start: async (port) => startVarnish(port, { streams: "pass" }),
});

testBehindProxy("Varnish that pipes streams", {
  start: async (port) => startVarnish(port, { streams: "pipe" }),
});
