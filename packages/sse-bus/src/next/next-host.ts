import { readTrustedProxies } from "../http/client-ip.ts";
import type { StreamHandlerHost } from "../http/stream-handler.ts";
import { openDirectSink } from "../node/direct-sink.ts";
import { currentExchange, currentSocketIp } from "../node/exchange.ts";
import { gzip } from "../node/gzip.ts";

/** What handlers need besides the web-standard request, for Next.js on Node. */
export function nextHost(): StreamHandlerHost {
  return {
    socketIp: currentSocketIp,
    trustedProxies: readTrustedProxies(process.env.SSE_BUS_TRUST_PROXY),
    openSink: openDirectSink,
    codec: gzip,
    // Next.js 16.4 leaves the `Content-Encoding` of a route out, so it is set on the response below.
    canCompress: () => currentExchange() !== undefined,
  };
}
