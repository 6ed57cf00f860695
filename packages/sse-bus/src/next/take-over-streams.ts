import { isFastPathOn } from "../http/fast-paths.ts";
import type { ChannelMap } from "../core/types.ts";
import { readTrustedProxies } from "../http/client-ip.ts";
import { type RouteContext, routeContext } from "../http/route-context.ts";
import { createStreamListener } from "../node/stream-listener.ts";
import { assertTakeOverPath, takeOver } from "../node/undocumented/take-over.ts";
import { defaultAllowedHosts } from "./allowed-hosts.ts";
import type { SseRouteOptions } from "./sse-route.ts";

/**
 * The streams that are answered on `node:http` itself. Give the path and what the stream's route is
 * given: the route stays, for whatever is not taken over (development, requests before
 * instrumentation.ts has run, other spellings of the path, hosts without a `node:http` server).
 *
 * Next.js does not see such a request. So neither do `proxy.ts`, the `headers`, `redirects` and
 * `rewrites` of next.config, its log and its spans. What may be read is up to `authorize`, which has
 * the plain `Request`: `cookies()` and `headers()` of `next/headers` are not there, and a call of
 * them means no.
 *
 * @example
 * ```ts
 * // lib/stream.ts
 * export const stream = { bus, authorize };
 *
 * // app/api/sse/route.ts
 * export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = createSseRoute(stream);
 *
 * // instrumentation.ts
 * export async function register() {
 *   if (process.env.NEXT_RUNTIME === "nodejs") {
 *     const { stream } = await import("./lib/stream");
 *     const { registerSseBus } = await import("sse-bus/next");
 *     await registerSseBus({ takeOver: { path: "/api/sse", ...stream } });
 *   }
 * }
 * ```
 */
export interface TakeOverOptions<
  Channels extends ChannelMap,
  Inputs extends ChannelMap,
> extends SseRouteOptions<Channels, Inputs> {
  /** Whole and as browsers send it, with the `basePath` if there is one: `/api/sse`. */
  readonly path: string;
}

/**
 * In production, takes the requests for a path away from Next.js. In development its route answers,
 * because an edit reloads routes and not instrumentation.ts; a wrong option is an error there too.
 *
 * @throws SseBusError `INVALID_OPTION`
 */
export function takeOverStreams<Channels extends ChannelMap, Inputs extends ChannelMap>({
  path,
  bus,
  ...options
}: TakeOverOptions<Channels, Inputs>): RouteContext {
  const context = routeContext(bus);
  const settings = { allowedHosts: defaultAllowedHosts(), ...options };
  const trustedProxies = readTrustedProxies(process.env.SSE_BUS_TRUST_PROXY);
  const answer = createStreamListener(context, settings, trustedProxies);
  assertTakeOverPath(path);
  const isWanted = process.env.NODE_ENV !== "development" && isFastPathOn("take-over");
  if (isWanted) takeOver(path, { context, answer });
  return context;
}
