import { toResponse } from "../http/answer.ts";
import { clientIp } from "../http/client-ip.ts";
import { routeContext } from "../http/route-context.ts";
import { createStreamHandler, type StreamHandlerHost } from "../http/stream-handler.ts";
import { webCall, type WebHandler, webHandler } from "../http/web-call.ts";
import { createInspector } from "./inspector.ts";
import type { InspectorEnv, InspectorOptions } from "./inspector-options.ts";

export interface WebInspectorHost extends StreamHandlerHost {
  /** Read for each request: a build must not freeze the server's environment. */
  readonly env: () => InspectorEnv;
}

/** The inspector over `Request` and `Response`. @throws SseBusError `INVALID_OPTION` */
export function webInspector(
  bus: object,
  options: InspectorOptions,
  { env, ...host }: WebInspectorHost,
): WebHandler {
  const context = routeContext(bus);
  const inspector = createInspector(context, options, env);
  const handle = webHandler(inspector.handle, host);
  const openStream = createStreamHandler(context, inspector.streamOptions, host);
  return async (request) => {
    if (!inspector.isForStream(request)) return handle(request);
    const refusal = await inspector.refusal(webCall(request, clientIp(request, host)));
    return refusal ? toResponse(refusal) : openStream(request);
  };
}
