import type { ChannelMap } from "../core/types.ts";
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
import { routeContext } from "../http/route-context.ts";
import { createStreamHandler } from "../http/stream-handler.ts";
import { webHandler } from "../http/web-call.ts";
import { type WebRequestHandler, withAddresses } from "../http/web-form.ts";

/**
 * The event stream of a bus, for servers that speak `Request` and `Response`.
 *
 * `GET ?channel=…&from=…` streams; `Last-Event-ID` resumes; refusals are problem+json (RFC 9457).
 *
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * const sse = createSseHandler({ bus });
 * Deno.serve((request) => sse(request));
 * ```
 */
export function createSseHandler<Channels extends ChannelMap, Inputs extends ChannelMap>({
  bus,
  trustedProxies,
  ...options
}: SseHandlerOptions<Channels, Inputs>): WebRequestHandler {
  return withAddresses(
    (host) => createStreamHandler(routeContext(bus), options, host),
    trustedProxies,
  );
}

/**
 * Publishing over HTTP. `POST { data, channel?, … }` publishes; so does `GET ?msg=…`. Without `authorize` it is open
 * where `NODE_ENV` is `development`, and elsewhere as `SSE_BUS_PUBLISH_TOKEN` or `SSE_BUS_OPEN_PUBLISH=1` say.
 *
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * const publish = createPublishHandler({ bus });
 * app.all("/api/publish", ({ req }) => publish(req.raw));
 * ```
 */
export function createPublishHandler<Channels extends ChannelMap, Inputs extends ChannelMap>({
  bus,
  trustedProxies,
  ...options
}: PublishHandlerOptions<Channels, Inputs>): WebRequestHandler {
  const handle = publishHandler(routeContext(bus), options, { env: serverEnv });
  return withAddresses((host) => webHandler(handle, host), trustedProxies);
}

/**
 * Presence over HTTP, beside a stream with the option `presence`. Clients set their state with
 * `POST { connection, channel, state }`; servers list the members of a channel with the publish token.
 *
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * const presence = createPresenceHandler({ bus });
 * app.all("/api/presence", ({ req }) => presence(req.raw));
 * ```
 */
export function createPresenceHandler<Channels extends ChannelMap, Inputs extends ChannelMap>({
  bus,
  trustedProxies,
  ...options
}: PresenceHandlerOptions<Channels, Inputs>): WebRequestHandler {
  const handle = presenceHandler(routeContext(bus), options, { env: serverEnv });
  return withAddresses((host) => webHandler(handle, host), trustedProxies);
}

/**
 * `GET`: 200 `{"status":"ok","backend","connections","channels"}`, or 503 while the server drains or cannot reach
 * its backend.
 *
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * const health = createHealthHandler({ bus });
 * app.get("/api/health", ({ req }) => health(req.raw));
 * ```
 */
export function createHealthHandler<Channels extends ChannelMap, Inputs extends ChannelMap>({
  bus,
  trustedProxies,
  ...options
}: HealthHandlerOptions<Channels, Inputs>): WebRequestHandler {
  const handle = healthHandler(routeContext(bus), options);
  return withAddresses((host) => webHandler(handle, host), trustedProxies);
}

/**
 * `GET`: the bus's counters in the Prometheus text format (docs/operations.md). Needs the package `prom-client`,
 * which the app installs; without it the answer is 501.
 *
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * const metrics = createMetricsHandler({ bus });
 * app.get("/api/metrics", ({ req }) => metrics(req.raw));
 * ```
 */
export function createMetricsHandler<Channels extends ChannelMap, Inputs extends ChannelMap>({
  bus,
  trustedProxies,
  ...options
}: MetricsHandlerOptions<Channels, Inputs>): WebRequestHandler {
  const handle = metricsHandler(routeContext(bus), options);
  return withAddresses((host) => webHandler(handle, host), trustedProxies);
}
