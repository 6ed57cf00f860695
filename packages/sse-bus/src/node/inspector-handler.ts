import { assertCount } from "../core/history.ts";
import type { ChannelMap } from "../core/types.ts";
import { serverEnv } from "../http/handler-options.ts";
import { type RouteContext, routeContext } from "../http/route-context.ts";
import { createInspector } from "../inspector/inspector.ts";
import type {
  InspectorEnv,
  InspectorHandlerOptions,
  InspectorOptions,
} from "../inspector/inspector-options.ts";
import { type NodeRequestHandler, reporting } from "./handlers.ts";
import { nodeCall, type NodeListener, nodeListener } from "./node-call.ts";
import { sendAnswer } from "./send-answer.ts";
import { createStreamRequestListener } from "./stream-requests.ts";

/**
 * The inspector of a bus at one URL, for servers on `node:http`: its page, its data, its event stream and its actions.
 * Open where `NODE_ENV` is `development`; elsewhere it needs `authorize`.
 *
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * app.all("/inspector", createInspectorHandler({ bus, authorize: tokenAuthorize(token) }));
 * ```
 */
export function createInspectorHandler<Channels extends ChannelMap, Inputs extends ChannelMap>({
  bus,
  trustedProxies = 0,
  ...options
}: InspectorHandlerOptions<Channels, Inputs>): NodeRequestHandler {
  assertCount(trustedProxies, "trustedProxies", 0);
  const context = routeContext(bus);
  const host = { env: serverEnv, trustedProxies };
  return reporting(context, nodeInspector(context, options, host));
}

/** The inspector over `node:http`. @throws SseBusError `INVALID_OPTION` */
export function nodeInspector(
  context: RouteContext,
  options: InspectorOptions,
  { env, trustedProxies }: { readonly env: () => InspectorEnv; readonly trustedProxies: number },
): NodeListener {
  const inspector = createInspector(context, options, env);
  const handle = nodeListener(inspector.handle, trustedProxies);
  const openStream = createStreamRequestListener(context, inspector.streamOptions, trustedProxies);
  return async (request, response) => {
    const call = nodeCall(request, response, trustedProxies);
    if (!inspector.isForStream(call.head)) return handle(request, response);
    const refusal = await inspector.refusal(call);
    if (refusal) sendAnswer(refusal, response);
    else await openStream(request, response);
  };
}
