/**
 * Route handlers for the App Router, and the call for `instrumentation.ts`.
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
export type { MetricsOptions, MetricsRegistry } from "../http/metrics-options.ts";
export type {
  InspectorAuthorization,
  InspectorAuthorize,
  InspectorContext,
  InspectorGrant,
  InspectorOptions,
} from "../inspector/inspector-options.ts";
export type { PresenceRouteOptions } from "../http/presence-handler.ts";
export type { PresenceOptions } from "../http/presence-options.ts";
export type { PublishRouteOptions } from "../http/publish-options.ts";
export type { StreamOptions } from "../http/stream-options.ts";
export { createHealthRoute, type HealthRouteOptions } from "./health-route.ts";
export { createInspectorRoute, type InspectorRouteOptions } from "./inspector-route.ts";
export { createMetricsRoute, type MetricsRouteOptions } from "./metrics-route.ts";
export { createPresenceRoute, type NextPresenceRouteOptions } from "./presence-route.ts";
export {
  createPublishRoute,
  isPublishingOpen,
  type NextPublishRouteOptions,
} from "./publish-route.ts";
export { type RegisterOptions, registerSseBus } from "./register.ts";
export type { RouteHandler, RouteHandlers } from "./route-handlers.ts";
export { createSseRoute, type SseRouteOptions } from "./sse-route.ts";
export type { TakeOverOptions } from "./take-over-streams.ts";
