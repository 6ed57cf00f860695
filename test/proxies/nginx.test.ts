import { startNginx } from "../support/nginx.ts";
import { testBehindProxy } from "./behind-proxy.ts";

testBehindProxy("nginx with buffering and gzip on, HTTP/1.0 to the app", {
  start: async (port) => startNginx(port),
});

testBehindProxy("nginx with buffering and gzip on, HTTP/1.1 to the app, cut after 1 s of silence", {
  start: async (port) =>
    startNginx(port, { httpVersion: "1.1", location: "proxy_read_timeout 1s;" }),
});
