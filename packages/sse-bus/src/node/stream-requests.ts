import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { clientIp } from "../http/client-ip.ts";
import { optionsResponse } from "../http/cors.ts";
import type { RouteContext } from "../http/route-context.ts";
import { createStreamOpener, STREAM_METHODS } from "../http/stream-opener.ts";
import { readStreamOptions, type StreamOptions } from "../http/stream-options.ts";
import { createNodeSink } from "./node-sink.ts";
import { type PlainRequest, plainWebRequest } from "./plain-request.ts";
import { nodeRequestHead, toWebRequest } from "./request-head.ts";
import { sendResponse } from "./send-response.ts";
import { answerOn, SocketSink } from "./socket-sink.ts";

/** Answers requests for the event stream on `node:http` itself, without a web stream. */
export type StreamRequestListener = (
  request: IncomingMessage,
  response: ServerResponse,
) => Promise<void>;

/** One for requests that `node:http` has parsed, and one for those that skip it. */
export interface StreamRequestHandlers {
  readonly onRequest: StreamRequestListener;
  readonly onPlainRequest: (request: PlainRequest, socket: Socket) => Promise<void>;
}

/** @throws SseBusError `INVALID_OPTION` */
export function createStreamRequestHandlers(
  context: RouteContext,
  options: StreamOptions,
  trustedProxies: number,
): StreamRequestHandlers {
  const settings = readStreamOptions(options);
  const open = createStreamOpener(context, settings);

  async function onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const head = nodeRequestHead(request);
    if (head.method === "OPTIONS") {
      await sendResponse(optionsResponse(head, STREAM_METHODS, settings.cors), response);
      return;
    }
    const socketIp = (): string | undefined => request.socket.remoteAddress;
    const answer = await open({
      head,
      ip: clientIp(head, { socketIp, trustedProxies }),
      request: once(() => toWebRequest(request, response)),
      openSink: (owner, headers) => createNodeSink(response, headers, owner, settings),
      isGone: () => response.destroyed,
    });
    if (answer.kind === "refused") await sendResponse(answer.response, response);
    else if (answer.kind === "head") response.writeHead(200, answer.headers).end();
  }

  async function onPlainRequest(head: PlainRequest, socket: Socket): Promise<void> {
    const answer = await open({
      head,
      ip: clientIp(head, { socketIp: () => socket.remoteAddress, trustedProxies }),
      request: once(() => plainWebRequest(head, socket)),
      openSink: (owner, headers) =>
        new SocketSink(socket, headers, owner, settings.maxInFlightBytes),
      isGone: () => socket.destroyed,
    });
    if (answer.kind === "refused") await answerOn(socket, answer.response);
  }

  return { onRequest, onPlainRequest };
}

/** @throws SseBusError `INVALID_OPTION` */
export function createStreamRequestListener(
  context: RouteContext,
  options: StreamOptions,
  trustedProxies: number,
): StreamRequestListener {
  return createStreamRequestHandlers(context, options, trustedProxies).onRequest;
}

/** Made once, because each adds a listener for the disconnect; a permission may be renewed for days. */
function once(make: () => Request): () => Request {
  let made: Request | undefined;
  return () => (made ??= make());
}
