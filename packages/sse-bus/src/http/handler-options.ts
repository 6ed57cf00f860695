import type { Bus } from "../core/bus-types.ts";
import type { ChannelMap } from "../core/types.ts";
import type { HostOptions } from "./host.ts";
import type { MetricsOptions } from "./metrics-options.ts";
import type { PresenceRouteOptions } from "./presence-handler.ts";
import type { PublishEnv, PublishRouteOptions } from "./publish-options.ts";
import type { StreamOptions } from "./stream-options.ts";

/** What every handler outside of Next.js is made with. */
export interface HandlerBase<Channels extends ChannelMap, Inputs extends ChannelMap> {
  readonly bus: Bus<Channels, Inputs>;
  /** Trusted proxies in front that append to `X-Forwarded-For`. @default 0 */
  readonly trustedProxies?: number;
}

/** Settings of a stream's handler. */
export interface SseHandlerOptions<Channels extends ChannelMap, Inputs extends ChannelMap>
  extends StreamOptions, HandlerBase<Channels, Inputs> {}

/** Settings of a publish handler. */
export interface PublishHandlerOptions<Channels extends ChannelMap, Inputs extends ChannelMap>
  extends PublishRouteOptions, HandlerBase<Channels, Inputs> {}

/** Settings of a presence handler. */
export interface PresenceHandlerOptions<Channels extends ChannelMap, Inputs extends ChannelMap>
  extends PresenceRouteOptions, HandlerBase<Channels, Inputs> {}

/** Settings of a health handler. */
export interface HealthHandlerOptions<Channels extends ChannelMap, Inputs extends ChannelMap>
  extends HostOptions, HandlerBase<Channels, Inputs> {}

/** Settings of a metrics handler. */
export interface MetricsHandlerOptions<Channels extends ChannelMap, Inputs extends ChannelMap>
  extends MetricsOptions, HandlerBase<Channels, Inputs> {}

/** The environment of the server, where it has one; read for each request. */
export function serverEnv(): PublishEnv {
  return (globalThis as { process?: { env?: PublishEnv } }).process?.env ?? {};
}
