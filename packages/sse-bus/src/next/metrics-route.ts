import { connection } from "next/server.js";
import type { Bus } from "../core/bus-types.ts";
import type { ChannelMap } from "../core/types.ts";
import { createMetricsHandler } from "../http/metrics-handler.ts";
import type { MetricsOptions } from "../http/metrics-options.ts";
import { routeContext } from "../http/route-context.ts";
import { webHandler } from "../http/web-call.ts";
import { defaultAllowedHosts } from "./allowed-hosts.ts";
import { nextHost } from "./next-host.ts";
import type { RouteHandler } from "./route-handlers.ts";

/** Settings of {@link createMetricsRoute}. */
export interface MetricsRouteOptions<
  Channels extends ChannelMap,
  Inputs extends ChannelMap,
> extends MetricsOptions {
  readonly bus: Bus<Channels, Inputs>;
}

/**
 * `GET /api/metrics` as a Next.js route handler: the bus's counters in the Prometheus text format,
 * named `sse_bus_*` (docs/operations.md). Needs the package `prom-client`, which the app installs; without it
 * the answer is 501. Metrics contain no messages and no clients. Protect the route if the numbers are secret.
 *
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * // app/api/metrics/route.ts
 * export const { GET } = createMetricsRoute({ bus });
 * ```
 */
export function createMetricsRoute<Channels extends ChannelMap, Inputs extends ChannelMap>({
  bus,
  ...options
}: MetricsRouteOptions<Channels, Inputs>): { readonly GET: RouteHandler } {
  const settings = { allowedHosts: defaultAllowedHosts(), ...options };
  const handle = webHandler(createMetricsHandler(routeContext(bus), settings), nextHost());
  return {
    async GET(request) {
      await connection();
      return handle(request);
    },
  };
}
