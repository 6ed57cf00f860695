import type { Codec } from "../core/codec.ts";
import { toResponse, toSizedResponse } from "./answer.ts";
import type { BodySink, OpenBodySink } from "./byte-sink.ts";
import { type ClientIpOptions, clientIp } from "./client-ip.ts";
import { optionsAnswer } from "./cors.ts";
import type { RouteContext } from "./route-context.ts";
import { createStreamOpener } from "./stream-opener.ts";
import { readStreamOptions, type StreamOptions } from "./stream-options.ts";
import { STREAM_METHODS } from "./stream-problems.ts";
import type { WebHandler } from "./web-call.ts";
import { createWebSink } from "./web-sink.ts";

export interface StreamHandlerHost extends ClientIpOptions {
  /** @default a web stream */
  readonly openSink?: OpenBodySink;
  /** Compresses streams of routes with the option `compress`. @default they are not compressed */
  readonly codec?: Codec;
  /** Whether the client of this request will learn that the body is compressed. @default always */
  readonly canCompress?: () => boolean;
}

/** Answers requests for the event stream, on any host that speaks `Request` and `Response`. */
export function createStreamHandler(
  context: RouteContext,
  options: StreamOptions,
  host: StreamHandlerHost,
): WebHandler {
  const settings = readStreamOptions(options);
  const open = createStreamOpener(context, settings, host.codec);
  const openSink = host.openSink ?? createWebSink;

  return async (request) => {
    if (request.method === "OPTIONS") {
      return toResponse(optionsAnswer(request, STREAM_METHODS, settings.cors));
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
      isPlain: settings.compress && host.canCompress?.() === false,
      isGone: () => request.signal.aborted,
      onGone: (run) => request.signal.addEventListener("abort", run, { once: true }),
    });
    if (answer.kind === "page") return toSizedResponse(answer.answer);
    if (answer.kind === "refused") return toResponse(answer.answer);
    return new Response(body ?? null, { headers: answer.headers });
  };
}
