import type { IncomingMessage, ServerResponse } from "node:http";
import type { BusInternals } from "../core/bus.ts";
import { clientIp } from "../http/client-ip.ts";
import { optionsResponse } from "../http/cors.ts";
import { problemResponse } from "../http/problem.ts";
import { createStreamOpener, STREAM_METHODS } from "../http/stream-opener.ts";
import { readStreamOptions, type StreamOptions } from "../http/stream-options.ts";
import { createNodeSink } from "./node-sink.ts";
import { nodeRequestHead, toWebRequest } from "./request-head.ts";
import { sendResponse } from "./send-response.ts";

/** Answers requests for the event stream on `node:http` itself, with no web stream between. */
export type StreamListener = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** @throws SseBusError `INVALID_OPTION` */
export function createStreamListener(
  internals: BusInternals,
  options: StreamOptions,
  trustedProxies: number,
): StreamListener {
  const settings = readStreamOptions(options);
  const open = createStreamOpener(internals, settings);

  return async (request, response) => {
    const head = nodeRequestHead(request);
    if (head.method === "OPTIONS") {
      await sendResponse(optionsResponse(head, STREAM_METHODS, settings.cors), response);
      return;
    }
    const socketIp = (): string | undefined => request.socket.remoteAddress;
    const answer = await open({
      head,
      ip: clientIp(head, { socketIp, trustedProxies }),
      request: () => toWebRequest(request, response),
      openSink: (owner, headers) => createNodeSink(response, headers, owner, settings),
      isGone: () => response.destroyed,
    });
    if (answer.kind === "refused") await sendResponse(problemResponse(answer.problem), response);
    else if (answer.kind === "head") response.writeHead(200, answer.headers).end();
  };
}
