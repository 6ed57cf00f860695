import { connection } from "next/server.js";
import type { Bus } from "../core/bus-types.ts";
import type { ChannelMap } from "../core/types.ts";
import type { InspectorOptions } from "../inspector/inspector-options.ts";
import { webInspector } from "../inspector/web-inspector.ts";
import { defaultAllowedHosts } from "./allowed-hosts.ts";
import { nextHost } from "./next-host.ts";
import { forAllMethods, type RouteHandlers } from "./route-handlers.ts";

/** Settings of {@link createInspectorRoute}. */
export interface InspectorRouteOptions<
  Channels extends ChannelMap,
  Inputs extends ChannelMap,
> extends InspectorOptions {
  readonly bus: Bus<Channels, Inputs>;
}

/**
 * The inspector as a Next.js route handler (Node.js runtime): a page with the streams, channels and messages of a bus,
 * its data, its event stream and its actions, at one URL. Open in development; in production it needs `authorize`.
 *
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * // app/inspector/route.ts
 * export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = createInspectorRoute({
 *   bus,
 *   authorize: async ({ request }) => (await userOf(request))?.isAdmin === true,
 * });
 * ```
 */
export function createInspectorRoute<Channels extends ChannelMap, Inputs extends ChannelMap>({
  bus,
  ...options
}: InspectorRouteOptions<Channels, Inputs>): RouteHandlers {
  const settings = { allowedHosts: defaultAllowedHosts(), ...options };
  const host = { ...nextHost(), env: () => process.env };
  const handle = webInspector(bus, settings, host);
  return forAllMethods(async (request) => {
    await connection();
    return handle(request);
  });
}
