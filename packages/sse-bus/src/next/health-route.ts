import { connection } from "next/server.js";
import type { Bus } from "../core/bus-types.ts";
import type { ChannelMap } from "../core/types.ts";
import { createHealthHandler } from "../http/health-handler.ts";
import type { HostOptions } from "../http/host.ts";
import { routeContext } from "../http/route-context.ts";
import { webHandler } from "../http/web-call.ts";
import { defaultAllowedHosts } from "./allowed-hosts.ts";
import { nextHost } from "./next-host.ts";
import type { RouteHandler } from "./route-handlers.ts";

/** Settings of {@link createHealthRoute}. */
export interface HealthRouteOptions<
  Channels extends ChannelMap,
  Inputs extends ChannelMap,
> extends HostOptions {
  readonly bus: Bus<Channels, Inputs>;
}

/**
 * `GET /api/health` as a Next.js route handler: 200 `{"status":"ok","backend","connections",
 * "channels"}`, or 503 while the server drains or cannot reach its backend.
 *
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * // app/api/health/route.ts
 * export const { GET } = createHealthRoute({ bus });
 * ```
 */
export function createHealthRoute<Channels extends ChannelMap, Inputs extends ChannelMap>({
  bus,
  ...options
}: HealthRouteOptions<Channels, Inputs>): { readonly GET: RouteHandler } {
  const settings = { allowedHosts: defaultAllowedHosts(), ...options };
  const handle = webHandler(createHealthHandler(routeContext(bus), settings), nextHost());
  return {
    async GET(request) {
      await connection();
      return handle(request);
    },
  };
}
