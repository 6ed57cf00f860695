import { type ClientIpOptions, readTrustedProxies } from "../http/client-ip.ts";
import { currentSocketIp } from "../node/exchange.ts";

/** What Next.js, on Node, knows of a request beyond its web-standard face. */
export function nextHost(): ClientIpOptions {
  return {
    socketIp: currentSocketIp,
    trustedProxies: readTrustedProxies(process.env.SSE_BUS_TRUST_PROXY),
  };
}
