import type { ServerResponse } from "node:http";
import type { SinkOwner } from "../../http/byte-sink.ts";
import { createResponseWriter, type ResponseWriter } from "../response-writer.ts";

/**
 * A writer below a response of HTTP/1: its bytes go to the socket and skip the response. `undefined` if the
 * response has no socket yet, or holds bytes that it has not passed on to the socket. HTTP/1.0 and bodies
 * that end with the connection are not chunked (RFC 9112 §6.3).
 *
 * The caller MUST release it when the response finishes, whatever ends it: a socket outlives its response
 * on a kept-alive connection, and these bytes must not appear in the next one.
 */
export function createSocketWriter(
  response: ServerResponse,
  maxInFlightBytes: number,
  owner: SinkOwner,
): ResponseWriter | undefined {
  const { socket, chunkedEncoding: isChunked } = response;
  if (!socket || socket.destroyed || response.writableLength !== socket.writableLength) {
    return undefined;
  }
  return createResponseWriter(socket, { isChunked, maxInFlightBytes }, owner);
}
