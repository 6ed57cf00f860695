import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { clientIp } from "../http/client-ip.ts";
import { optionsAnswer } from "../http/cors.ts";
import type { RouteContext } from "../http/route-context.ts";
import { createStreamOpener } from "../http/stream-opener.ts";
import { readStreamOptions, type StreamOptions } from "../http/stream-options.ts";
import { gzip } from "./gzip.ts";
import { STREAM_METHODS } from "../http/stream-problems.ts";
import { createNodeSink } from "./node-sink.ts";
import { type PlainRequest, plainWebRequest } from "./plain-request.ts";
import { nodeCall, type NodeListener, once } from "./node-call.ts";
import { isResponseGone, onResponseGone } from "./response-gone.ts";
import { sendAnswer } from "./send-answer.ts";
import { answerOn, SocketSink } from "./socket-sink.ts";
import { cutOffUnreadAnswer } from "./unread-answer.ts";

/**
 * They answer requests for the event stream on `node:http` itself, without a web stream: one those that `node:http`
 * has parsed, and one those that skip it.
 */
export interface StreamRequestHandlers {
  readonly onRequest: NodeListener;
  readonly onPlainRequest: (request: PlainRequest, socket: Socket) => Promise<void>;
}

/** @throws SseBusError `INVALID_OPTION` */
export function createStreamRequestHandlers(
  context: RouteContext,
  options: StreamOptions,
  trustedProxies: number,
): StreamRequestHandlers {
  const settings = readStreamOptions(options);
  const open = createStreamOpener(context, settings, gzip);

  async function onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { head, ip, request: make } = nodeCall(request, response, trustedProxies);
    if (head.method === "OPTIONS") {
      sendAnswer(optionsAnswer(head, STREAM_METHODS, settings.cors), response);
      return;
    }
    const answer = await open({
      head,
      ip,
      request: make,
      openSink: (owner, headers) => createNodeSink(response, headers, owner, settings),
      isGone: () => isResponseGone(response),
      onGone: (run) => onResponseGone(response, run),
    });
    if (answer.kind === "page") {
      sendAnswer(answer.answer, response);
      cutOffUnreadAnswer(request, response, settings.writeTimeoutMs);
    } else if (answer.kind === "refused") sendAnswer(answer.answer, response);
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
      onGone: (run) => void socket.once("close", run),
    });
    if ("answer" in answer) answerOn(socket, answer.answer);
  }

  return { onRequest, onPlainRequest };
}

/** @throws SseBusError `INVALID_OPTION` */
export function createStreamRequestListener(
  context: RouteContext,
  options: StreamOptions,
  trustedProxies: number,
): NodeListener {
  return createStreamRequestHandlers(context, options, trustedProxies).onRequest;
}
