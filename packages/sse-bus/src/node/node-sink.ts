import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import type { Packet } from "../core/packet.ts";
import type { EndReason } from "../core/reader.ts";
import type { ByteSink, SinkKind, SinkOwner, SinkSettings } from "../http/byte-sink.ts";
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
  owner: SinkOwner,
  { maxInFlightBytes }: SinkSettings,
): ByteSink {
  response.once("close", () => owner.onCancel());
  return new NodeSink(response, headers, owner, maxInFlightBytes);
}

/** A class for the same reason as `EventStream` is one. */
class NodeSink implements ByteSink {
  private readonly response: ServerResponse;
  private readonly owner: SinkOwner;
  private readonly maxInFlightBytes: number;
  private headers: StreamHeaders | undefined;
  private writer: ResponseWriter | undefined;

  constructor(
    response: ServerResponse,
    headers: StreamHeaders,
    owner: SinkOwner,
    maxInFlightBytes: number,
  ) {
    this.response = response;
    this.headers = headers;
    this.owner = owner;
    this.maxInFlightBytes = maxInFlightBytes;
  }

  write(packet: Packet): boolean {
    return this.writer?.write(packet) ?? false;
  }

  send(bytes: Uint8Array): boolean {
    if (this.response.destroyed) return false;
    if (this.writer) this.writer.send(bytes);
    else this.start(bytes);
    return true;
  }

  end(reason: EndReason): void {
    this.owner.onEnd(reason);
  }

  close(): void {
    const { response, writer } = this;
    writer?.release();
    // Where nothing has left yet, the answer is a refusal, and not ours to give.
    if (!writer || response.destroyed) return;
    response.end();
    cutOffUnread(response);
  }

  kind(): SinkKind {
    return "direct";
  }

  private start(hello: Uint8Array): void {
    const { response, owner, maxInFlightBytes } = this;
    response.writeHead(200, this.headers);
    response.write(hello);
    this.headers = undefined;
    this.writer =
      createHttp2Writer(response, maxInFlightBytes, owner) ??
      createSocketWriter(response, maxInFlightBytes, owner) ??
      // A response that waits behind another one on its connection has no socket yet.
      createResponseWriter(response, { isChunked: false, maxInFlightBytes }, owner);
    owner.onShortcut(this.writer);
  }
}

/** Under HTTP/2 a stream frames its own data (RFC 9113 §6.1). */
function createHttp2Writer(
  response: ServerResponse | Http2ServerResponse,
  maxInFlightBytes: number,
  owner: SinkOwner,
): ResponseWriter | undefined {
  if (!("stream" in response)) return undefined;
  return createResponseWriter(response.stream, { isChunked: false, maxInFlightBytes }, owner);
}
