import type { IncomingMessage, ServerResponse } from "node:http";
import { alreadyRead } from "../http/already-read.ts";
import type { BodyRead, HttpCall, Handler, RequestBody } from "../http/call.ts";
import { clientIp } from "../http/client-ip.ts";
import { nodeRequestHead, toWebRequest } from "./request-head.ts";
import { sendAnswer } from "./send-answer.ts";

/** A handler of `node:http` requests. Rejects only where its own code fails. */
export type NodeListener = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Gives a handler the form of `node:http`, without a web-standard request or response. */
export function nodeListener(handle: Handler, trustedProxies: number): NodeListener {
  return async (request, response) => {
    sendAnswer(await handle(nodeCall(request, response, trustedProxies)), response);
  };
}

/** A request of `node:http` as a call. */
export function nodeCall(
  request: IncomingMessage,
  response: ServerResponse,
  trustedProxies: number,
): HttpCall {
  const head = nodeRequestHead(request);
  const socketIp = (): string | undefined => request.socket.remoteAddress;
  return {
    head,
    ip: clientIp(head, { socketIp, trustedProxies }),
    request: once(() => toWebRequest(request, response)),
    body: nodeBody(request),
  };
}

/** Made once, because each adds a listener for the disconnect; a permission may be renewed for days. */
export function once(make: () => Request): () => Request {
  let made: Request | undefined;
  return () => (made ??= make());
}

function nodeBody(request: IncomingMessage): RequestBody {
  return {
    read(onBytes): BodyRead {
      if (request.readableDidRead) throw alreadyRead();
      let stop = (): void => {};
      const ended = new Promise<void>((resolve, reject) => {
        stop = () => {
          request.off("data", onBytes).pause();
          resolve();
        };
        // Under HTTP/2 a body that the client cuts off ends first, and closes later in the same turn.
        const end = "stream" in request ? () => setImmediate(resolve) : resolve;
        request.on("close", reject).on("end", end).on("data", onBytes);
        // The client left while its credentials were checked: no event follows.
        if (request.destroyed) reject(new Error("The client has disconnected"));
      });
      return { ended, stop };
    },
  };
}
