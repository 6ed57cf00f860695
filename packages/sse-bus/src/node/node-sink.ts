import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import type { Writable } from "node:stream";
import type { ByteSink, ByteSinkHandlers, SinkSettings } from "../http/byte-sink.ts";
import type { StreamHeaders } from "../http/stream-opener.ts";
import {
  createResponseWriter,
  createSocketWriter,
  cutOffUnread,
  type ResponseWriter,
} from "./response-writer.ts";

/** The sink of a server that answers on `node:http` itself: direct from the first byte. */
export function createNodeSink(
  response: ServerResponse,
  headers: StreamHeaders,
  { onReady, onCancel }: ByteSinkHandlers,
  { maxInFlightBytes }: SinkSettings,
): ByteSink {
  let writer: ResponseWriter | undefined;
  response.once("close", onCancel);

  function start(hello: Uint8Array): void {
    response.writeHead(200, headers);
    response.write(hello);
    const options = { maxInFlightBytes, onDrain: onReady };
    // A response that waits behind another one on its connection has no socket yet.
    writer = http2Writer(response, options) ?? createSocketWriter(response, options);
    writer ??= createResponseWriter(response, {
      ...options,
      isChunked: false,
      isOpen: () => !response.writableEnded,
    });
  }

  return {
    write: (packet) => writer?.write(packet) ?? false,
    send(bytes) {
      if (response.destroyed) return false;
      if (writer) writer.send(bytes);
      else start(bytes);
      return true;
    },
    close() {
      response.off("close", onCancel);
      writer?.release();
      // Where nothing has left yet, the answer is a refusal, and not ours to give.
      if (!writer || response.destroyed) return;
      response.end();
      cutOffUnread(response);
    },
    kind: () => "direct",
  };
}

/** Under HTTP/2 a stream frames its own data (RFC 9113 §6.1). */
function http2Writer(
  response: ServerResponse | Http2ServerResponse,
  options: { readonly maxInFlightBytes: number; readonly onDrain: () => void },
): ResponseWriter | undefined {
  if (!("stream" in response)) return undefined;
  const stream: Writable = response.stream;
  return createResponseWriter(stream, {
    ...options,
    isChunked: false,
    isOpen: () => !stream.writableEnded && !stream.destroyed,
  });
}
