/**
 * Handlers over `node:http`: Express, Fastify, Koa and custom servers.
 *
 * @module
 */

export type {
  Authorization,
  Authorize,
  AuthorizeContext,
  Grant,
  Identity,
} from "../http/authorize.ts";
export type { CorsOptions } from "../http/cors.ts";
export { drainBus } from "../http/drain.ts";
export type {
  HandlerBase,
  HealthHandlerOptions,
  MetricsHandlerOptions,
  PresenceHandlerOptions,
  PublishHandlerOptions,
  SseHandlerOptions,
} from "../http/handler-options.ts";
export type { MetricsOptions, MetricsRegistry } from "../http/metrics-options.ts";
export type {
  InspectorAuthorization,
  InspectorAuthorize,
  InspectorContext,
  InspectorGrant,
  InspectorHandlerOptions,
  InspectorOptions,
} from "../inspector/inspector-options.ts";
export type { PresenceRouteOptions } from "../http/presence-handler.ts";
export type { PresenceOptions } from "../http/presence-options.ts";
export type { PublishRouteOptions } from "../http/publish-options.ts";
export type { StreamOptions } from "../http/stream-options.ts";
export { drainOnSignal } from "./drain-on-signal.ts";
export { createInspectorHandler } from "./inspector-handler.ts";
export {
  createHealthHandler,
  createMetricsHandler,
  createPresenceHandler,
  createPublishHandler,
  createSseHandler,
  type NodeRequestHandler,
} from "./handlers.ts";
