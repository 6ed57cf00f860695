import type { BodySink, OpenBodySink } from "./byte-sink.ts";
import { type ClientIpOptions, clientIp } from "./client-ip.ts";
import { optionsResponse } from "./cors.ts";
import type { RouteContext } from "./route-context.ts";
import { createStreamOpener, STREAM_METHODS } from "./stream-opener.ts";
import { readStreamOptions, type StreamOptions } from "./stream-options.ts";
import { createWebSink } from "./web-sink.ts";

/** Answers requests for the event stream, on any host that speaks `Request` and `Response`. */
export type StreamHandler = (request: Request) => Promise<Response>;

export interface StreamHandlerHost extends ClientIpOptions {
  /** @default a web stream */
  readonly openSink?: OpenBodySink;
}

export function createStreamHandler(
  context: RouteContext,
  options: StreamOptions,
  host: StreamHandlerHost,
): StreamHandler {
  const settings = readStreamOptions(options);
  const open = createStreamOpener(context, settings);
  const openSink = host.openSink ?? createWebSink;

  return async (request) => {
    if (request.method === "OPTIONS") {
      return optionsResponse(request, STREAM_METHODS, settings.cors);
    }
    let body: BodySink["body"] | undefined;
    const answer = await open({
      head: request,
      ip: clientIp(request, host),
      request: () => request,
      openSink(owner) {
        const opened = openSink(request, owner, settings);
        ({ body } = opened);
        return opened.sink;
      },
      isGone: () => request.signal.aborted,
    });
    if (answer.kind === "refused") return answer.response;
    return new Response(body ?? null, { headers: answer.headers });
  };
}
