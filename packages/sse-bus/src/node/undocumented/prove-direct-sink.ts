import type { ServerResponse } from "node:http";
import type { SinkOwner } from "../../http/byte-sink.ts";
import type { ResponseWriter } from "../response-writer.ts";
import { getRequest, nextTurn, overLoopback } from "./loopback.ts";
import { createSocketWriter } from "./socket-writer.ts";

/**
 * Bytes written to a response's socket, below its framing, arrive once and in order between its head and its end.
 * The connection then serves the next request. The same for HTTP/1.0.
 */
export async function proveDirectSink(): Promise<void> {
  await overLoopback(
    async (request, response) => {
      if (request.url !== STREAM) {
        response.end("next");
        return;
      }
      const writer = startStream(response);
      await nextTurn();
      writer.send(Buffer.from("two"));
      writer.release();
      response.end();
    },
    async ({ connect }) => {
      const client = connect();
      client.send(getRequest(STREAM));
      await client.expectBody("3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
      client.send(getRequest("/"));
      await client.expectBody("next");
      const older = connect();
      older.send(getRequest(STREAM, "1.0"));
      await older.expectBody("onetwo");
      await older.closed;
    },
  );
}

/** Sends the head and a first event, as the direct sink does. */
export function startStream(response: ServerResponse): ResponseWriter {
  response.setHeader("Content-Type", "text/event-stream");
  response.flushHeaders();
  const writer = createSocketWriter(response, MAX_IN_FLIGHT_BYTES, nobody);
  if (!writer) throw new Error("a response whose head has left has no socket to write to");
  writer.send(Buffer.from("one"));
  return writer;
}

const STREAM = "/stream";
const MAX_IN_FLIGHT_BYTES = 131_072;
const nobody: SinkOwner = {
  needsRequest: false,
  onReady() {},
  onCancel() {},
  onEnd() {},
  onShortcut() {},
  encoding: undefined,
};
