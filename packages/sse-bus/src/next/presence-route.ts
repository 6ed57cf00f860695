import { connection } from "next/server.js";
import type { Bus } from "../core/bus-types.ts";
import type { ChannelMap } from "../core/types.ts";
import { createPresenceHandler, type PresenceRouteOptions } from "../http/presence-handler.ts";
import { routeContext } from "../http/route-context.ts";
import { webHandler } from "../http/web-call.ts";
import { defaultAllowedHosts } from "./allowed-hosts.ts";
import { nextHost } from "./next-host.ts";
import { forAllMethods, type RouteHandlers } from "./route-handlers.ts";

/** Settings of {@link createPresenceRoute}. */
export interface NextPresenceRouteOptions<
  Channels extends ChannelMap,
  Inputs extends ChannelMap,
> extends PresenceRouteOptions {
  readonly bus: Bus<Channels, Inputs>;
}

/**
 * Presence over HTTP as a Next.js route handler, beside a stream route with the option `presence`. Clients set
 * their state with `POST { connection, channel, state }`, where `connection` is that of their stream's
 * `hello`. Servers list the members of a channel with `GET ?channel=…` and the publish token.
 *
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * // app/api/presence/route.ts
 * export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = createPresenceRoute({ bus });
 * ```
 */
export function createPresenceRoute<Channels extends ChannelMap, Inputs extends ChannelMap>({
  bus,
  ...options
}: NextPresenceRouteOptions<Channels, Inputs>): RouteHandlers {
  const settings = { allowedHosts: defaultAllowedHosts(), ...options };
  const handle = webHandler(
    createPresenceHandler(routeContext(bus), settings, { env: () => process.env }),
    nextHost(),
  );
  return forAllMethods(async (request) => {
    await connection();
    return handle(request);
  });
}
