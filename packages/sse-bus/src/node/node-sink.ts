import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import type { ByteSink, Farewell, SinkOwner, SinkSettings } from "../http/byte-sink.ts";
import { isFastPathOn } from "../http/fast-paths.ts";
import type { StreamHeaders } from "../http/stream-opener.ts";
import { OwnResponseSink } from "./own-response-sink.ts";
import { onResponseGone } from "./response-gone.ts";
import { createResponseWriter, cutOffUnread, type ResponseWriter } from "./response-writer.ts";
import { createSocketWriter } from "./undocumented/socket-writer.ts";

/** The sink of a server that answers on `node:http` itself: direct from the first byte. */
export function createNodeSink(
  response: ServerResponse,
  headers: StreamHeaders,
  owner: SinkOwner,
  { maxInFlightBytes }: SinkSettings,
): ByteSink {
  // The client disconnected, or other code ended the response. One function for both, and `on`: `once`
  // keeps four more objects, and `onCancel` may be called twice.
  const onGone = (): void => owner.onCancel();
  onResponseGone(response, onGone);
  response.on("finish", onGone);
  return new NodeSink(response, headers, owner, maxInFlightBytes);
}

class NodeSink extends OwnResponseSink<ServerResponse> {
  protected start(headers: StreamHeaders, hello: Uint8Array): ResponseWriter {
    const { target: response } = this;
    response.writeHead(200, headers);
    // The head is sent by itself, though in one system call with what follows: if Node writes it with a
    // body, it keeps the thirty strings that it joined the head from while the response lives.
    const socket = "stream" in response ? undefined : response.socket;
    socket?.cork();
    response.flushHeaders();
    const writer = createWriter(response, this.maxInFlightBytes, this.owner);
    writer.send(hello);
    socket?.uncork();
    return writer;
  }

  protected finish(farewell?: Farewell): void {
    this.target.end();
    cutOffUnread(this.target, farewell);
  }
}

function createWriter(
  response: ServerResponse | Http2ServerResponse,
  maxInFlightBytes: number,
  owner: SinkOwner,
): ResponseWriter {
  const unframed = { isChunked: false, maxInFlightBytes };
  // Under HTTP/2 a stream frames its own data (RFC 9113 §6.1).
  if ("stream" in response) return createResponseWriter(response.stream, unframed, owner);
  const direct = isFastPathOn("direct-sink")
    ? createSocketWriter(response, maxInFlightBytes, owner)
    : undefined;
  // A response that waits behind another one on its connection has no socket yet.
  return direct ?? createResponseWriter(response, unframed, owner);
}
