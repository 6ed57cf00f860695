import type { ServerResponse } from "node:http";
import type { HttpAnswer } from "../http/answer.ts";

/** Sends an answer on `node:http`. */
export function sendAnswer({ status, headers, body }: HttpAnswer, to: ServerResponse): void {
  if (to.destroyed) return;
  if (body === null || body === "") {
    to.writeHead(status, fieldsFor(to, headers)).end();
    return;
  }
  // Head and a body that is text leave in one write.
  to.writeHead(status, { ...fieldsFor(to, headers), "Content-Length": Buffer.byteLength(body) });
  to.end(body);
}

/** HTTP/2 has no `Connection` (RFC 9113 §8.2.2), and Node prints a warning. */
function fieldsFor(to: ServerResponse, headers: HttpAnswer["headers"]): HttpAnswer["headers"] {
  if (!("stream" in to)) return headers;
  const { Connection: _, ...others } = headers;
  return others;
}
