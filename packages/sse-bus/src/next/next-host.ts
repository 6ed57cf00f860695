import { readTrustedProxies } from "../http/client-ip.ts";
import type { StreamHandlerHost } from "../http/stream-handler.ts";
import { openDirectSink } from "../node/direct-sink.ts";
import { currentSocketIp } from "../node/exchange.ts";

/** What handlers need besides the web-standard request, for Next.js on Node. */
export function nextHost(): StreamHandlerHost {
  return {
    socketIp: currentSocketIp,
    trustedProxies: readTrustedProxies(process.env.SSE_BUS_TRUST_PROXY),
    openSink: openDirectSink,
  };
}
