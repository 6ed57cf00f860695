import { isFastPathOn } from "../http/fast-paths.ts";
import type { ChannelMap } from "../core/types.ts";
import { readTrustedProxies } from "../http/client-ip.ts";
import { type RouteContext, routeContext } from "../http/route-context.ts";
import { createStreamRequestListener } from "../node/stream-requests.ts";
import { assertTakeOverPath, takeOver } from "../node/undocumented/take-over.ts";
import { defaultAllowedHosts } from "./allowed-hosts.ts";
import type { SseRouteOptions } from "./sse-route.ts";

/**
 * Streams that are answered on `node:http` itself. Pass the path and the options of the stream's route. Keep the
 * route: it answers what is not taken over (development, requests before instrumentation.ts has run, other
 * spellings of the path, hosts without a `node:http` server).
 *
 * Next.js does not see such a request. Neither do `proxy.ts`, the `headers`, `redirects` and `rewrites` of
 * next.config, its log and its spans. Only `authorize` decides who may read. It gets the plain `Request`:
 * `cookies()` and `headers()` of `next/headers` throw there, which denies access.
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
  /** The whole path as browsers send it, with the `basePath` if there is one: `/api/sse`. */
  readonly path: string;
}

/**
 * In production, answers the requests for a path instead of Next.js. In development the route answers, because
 * an edit reloads routes and not instrumentation.ts. A wrong option is an error in both.
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
  const answer = createStreamRequestListener(context, settings, trustedProxies);
  assertTakeOverPath(path);
  const isWanted = process.env.NODE_ENV !== "development" && isFastPathOn("take-over");
  if (isWanted) takeOver(path, { context, answer });
  return context;
}
