import type { IncomingMessage, ServerResponse } from "node:http";
import { assertCount } from "../core/history.ts";
import type { ChannelMap } from "../core/types.ts";
import type { Handler } from "../http/call.ts";
import {
  type HealthHandlerOptions,
  type MetricsHandlerOptions,
  type PresenceHandlerOptions,
  type PublishHandlerOptions,
  serverEnv,
  type SseHandlerOptions,
} from "../http/handler-options.ts";
import { createHealthHandler as healthHandler } from "../http/health-handler.ts";
import { createMetricsHandler as metricsHandler } from "../http/metrics-handler.ts";
import { createPresenceHandler as presenceHandler } from "../http/presence-handler.ts";
import { createPublishHandler as publishHandler } from "../http/publish-handler.ts";
import { type RouteContext, routeContext } from "../http/route-context.ts";
import { type NodeListener, nodeListener } from "./node-call.ts";
import { createStreamRequestListener } from "./stream-requests.ts";
import { proveFastPaths } from "./undocumented/prove-fast-paths.ts";

/** Answers a request of `node:http`. */
export type NodeRequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * The event stream of a bus, for servers on `node:http`. The bytes go straight to the response.
 *
 * `GET ?channel=…&from=…` streams; `Last-Event-ID` resumes; refusals are problem+json (RFC 9457).
 *
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * const sse = createSseHandler({ bus });
 * createServer(sse).listen(3000);
 * ```
 */
export function createSseHandler<Channels extends ChannelMap, Inputs extends ChannelMap>({
  bus,
  trustedProxies = 0,
  ...options
}: SseHandlerOptions<Channels, Inputs>): NodeRequestHandler {
  assertCount(trustedProxies, "trustedProxies", 0);
  const context = routeContext(bus);
  // Until it has ended, streams are written through the response.
  void proveFastPaths(["direct-sink"], context.onError);
  return reporting(context, createStreamRequestListener(context, options, trustedProxies));
}

/**
 * Publishing over HTTP. `POST { data, channel?, … }` publishes; so does `GET ?msg=…`. Without `authorize` it is open
 * where `NODE_ENV` is `development`, and elsewhere as `SSE_BUS_PUBLISH_TOKEN` or `SSE_BUS_OPEN_PUBLISH=1` say.
 *
 * It reads the body itself: no parser, such as `express.json()`, may have read it.
 *
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * app.all("/api/publish", createPublishHandler({ bus }));
 * ```
 */
export function createPublishHandler<Channels extends ChannelMap, Inputs extends ChannelMap>({
  bus,
  trustedProxies,
  ...options
}: PublishHandlerOptions<Channels, Inputs>): NodeRequestHandler {
  const context = routeContext(bus);
  return nodeForm(context, publishHandler(context, options, { env: serverEnv }), trustedProxies);
}

/**
 * Presence over HTTP, beside a stream with the option `presence`. Clients set their state with
 * `POST { connection, channel, state }`; servers list the members of a channel with the publish token.
 *
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * app.all("/api/presence", createPresenceHandler({ bus }));
 * ```
 */
export function createPresenceHandler<Channels extends ChannelMap, Inputs extends ChannelMap>({
  bus,
  trustedProxies,
  ...options
}: PresenceHandlerOptions<Channels, Inputs>): NodeRequestHandler {
  const context = routeContext(bus);
  return nodeForm(context, presenceHandler(context, options, { env: serverEnv }), trustedProxies);
}

/**
 * `GET`: 200 `{"status":"ok","backend","connections","channels"}`, or 503 while the server drains or cannot reach
 * its backend.
 *
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * app.get("/api/health", createHealthHandler({ bus }));
 * ```
 */
export function createHealthHandler<Channels extends ChannelMap, Inputs extends ChannelMap>({
  bus,
  trustedProxies,
  ...options
}: HealthHandlerOptions<Channels, Inputs>): NodeRequestHandler {
  const context = routeContext(bus);
  return nodeForm(context, healthHandler(context, options), trustedProxies);
}

/**
 * `GET`: the bus's counters in the Prometheus text format (docs/operations.md). Needs the package `prom-client`,
 * which the app installs; without it the answer is 501.
 *
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * app.get("/api/metrics", createMetricsHandler({ bus }));
 * ```
 */
export function createMetricsHandler<Channels extends ChannelMap, Inputs extends ChannelMap>({
  bus,
  trustedProxies,
  ...options
}: MetricsHandlerOptions<Channels, Inputs>): NodeRequestHandler {
  const context = routeContext(bus);
  return nodeForm(context, metricsHandler(context, options), trustedProxies);
}

function nodeForm(context: RouteContext, handle: Handler, trustedProxies = 0): NodeRequestHandler {
  assertCount(trustedProxies, "trustedProxies", 0);
  return reporting(context, nodeListener(handle, trustedProxies));
}

/** The handler, whose failures are reported. */
export function reporting({ onError }: RouteContext, listen: NodeListener): NodeRequestHandler {
  return (request, response) => {
    listen(request, response).catch((error: unknown) => {
      onError(error as Error);
      response.destroy();
    });
  };
}
