import { startCaddy } from "../support/caddy.ts";
import { testBehindProxy } from "./behind-proxy.ts";

testBehindProxy("Caddy", { start: async (port) => startCaddy(port) });

testBehindProxy("Caddy with `encode gzip`", {
  start: async (port) => startCaddy(port, { site: "encode gzip" }),
});
