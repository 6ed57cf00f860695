import { connection } from "next/server.js";
import type { Bus } from "../core/bus-types.ts";
import type { ChannelMap } from "../core/types.ts";
import { createPublishHandler } from "../http/publish-handler.ts";
import { isOpen, type PublishRouteOptions } from "../http/publish-options.ts";
import { routeContext } from "../http/route-context.ts";
import { webHandler } from "../http/web-call.ts";
import { defaultAllowedHosts } from "./allowed-hosts.ts";
import { nextHost } from "./next-host.ts";
import { forAllMethods, type RouteHandlers } from "./route-handlers.ts";

/** Settings of {@link createPublishRoute}. */
export interface NextPublishRouteOptions<
  Channels extends ChannelMap,
  Inputs extends ChannelMap,
> extends PublishRouteOptions {
  readonly bus: Bus<Channels, Inputs>;
}

/**
 * Publishing over HTTP as a Next.js route handler. `GET ?msg=…` publishes the query with details of the browser
 * and its address; `POST` publishes `data` of a JSON body. Closed in production unless the environment or
 * `authorize` opens it.
 *
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * // app/api/publish/route.ts
 * export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = createPublishRoute({ bus });
 * ```
 */
export function createPublishRoute<Channels extends ChannelMap, Inputs extends ChannelMap>({
  bus,
  ...options
}: NextPublishRouteOptions<Channels, Inputs>): RouteHandlers {
  const settings = { allowedHosts: defaultAllowedHosts(), ...options };
  const handle = webHandler(
    createPublishHandler(routeContext(bus), settings, { env: () => process.env }),
    nextHost(),
  );
  return forAllMethods(async (request) => {
    await connection();
    return handle(request);
  });
}

/**
 * Whether everybody may publish: in development, or in production with `SSE_BUS_OPEN_PUBLISH=1`. For pages that
 * show a publish box only where it works.
 */
export function isPublishingOpen(): boolean {
  return isOpen(process.env);
}
