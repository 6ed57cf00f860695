import type { ChannelMap } from "../core/types.ts";
import { serverEnv } from "../http/handler-options.ts";
import { type WebRequestHandler, withAddresses } from "../http/web-form.ts";
import type { InspectorHandlerOptions } from "./inspector-options.ts";
import { webInspector } from "./web-inspector.ts";

/**
 * The inspector of a bus at one URL, for servers that speak `Request` and `Response`: its page, its data, its event
 * stream and its actions. Open where `NODE_ENV` is `development`; elsewhere it needs `authorize`.
 *
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * const inspector = createInspectorHandler({ bus, authorize: tokenAuthorize(token) });
 * app.all("/inspector", ({ req }) => inspector(req.raw));
 * ```
 */
export function createInspectorHandler<Channels extends ChannelMap, Inputs extends ChannelMap>({
  bus,
  trustedProxies,
  ...options
}: InspectorHandlerOptions<Channels, Inputs>): WebRequestHandler {
  return withAddresses(
    (host) => webInspector(bus, options, { ...host, env: serverEnv }),
    trustedProxies,
  );
}
