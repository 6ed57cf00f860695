import { connection } from "next/server.js";
import type { Bus } from "../core/bus-types.ts";
import type { ChannelMap } from "../core/types.ts";
import { routeContext } from "../http/route-context.ts";
import { createStreamHandler } from "../http/stream-handler.ts";
import type { StreamOptions } from "../http/stream-options.ts";
import { defaultAllowedHosts } from "./allowed-hosts.ts";
import { nextHost } from "./next-host.ts";
import { forAllMethods, type RouteHandlers } from "./route-handlers.ts";

/** Settings of {@link createSseRoute}. */
export interface SseRouteOptions<
  Channels extends ChannelMap,
  Inputs extends ChannelMap,
> extends StreamOptions {
  readonly bus: Bus<Channels, Inputs>;
}

/**
 * The event stream of a bus as a Next.js route handler (Node.js runtime).
 *
 * `GET ?channel=…&from=…` streams; `Last-Event-ID` resumes; refusals are problem+json (RFC 9457).
 *
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * // app/api/sse/route.ts
 * export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = createSseRoute({ bus });
 * ```
 */
export function createSseRoute<Channels extends ChannelMap, Inputs extends ChannelMap>({
  bus,
  ...options
}: SseRouteOptions<Channels, Inputs>): RouteHandlers {
  const context = routeContext(bus);
  retireOldStreams(context.connections.open);
  const settings = {
    allowedHosts: defaultAllowedHosts(),
    // No proxy answers 502 while `next dev` restarts, so browsers keep reconnecting.
    ...(process.env.NODE_ENV === "development" && { drainRetryMs: 0 }),
    ...options,
  };
  const handle = createStreamHandler(context, settings, nextHost());
  return forAllMethods(async (request) => {
    // Under `cacheComponents` Next runs GET handlers at build time, up to this line.
    await connection();
    return handle(request);
  });
}

/**
 * In development, ends the streams of the previous evaluation of the route. Hot reload makes a new route, but
 * open streams keep running the old code. Their clients reconnect and resume.
 */
function retireOldStreams(
  open: Iterable<{ end(reason: "lifetime", retryMs: number): void }>,
): void {
  if (process.env.NODE_ENV !== "development") return;
  for (const stream of open) stream.end("lifetime", 0);
}
