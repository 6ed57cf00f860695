import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import { isFastPathOn } from "../http/fast-paths.ts";
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
  // The client left, or somebody else ended the response. One function for both, and `on`, since
  // `once` keeps four more objects, and the owner does not mind.
  const onGone = (): void => owner.onCancel();
  response.on("close", onGone);
  response.on("finish", onGone);
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

  close(graceMs?: number): void {
    const { response, writer } = this;
    writer?.release();
    // Where nothing has left yet, the answer is a refusal, and not ours to give.
    if (!writer || response.destroyed) return;
    response.end();
    cutOffUnread(response, graceMs);
  }

  kind(): SinkKind {
    return "direct";
  }

  private start(hello: Uint8Array): void {
    const { response } = this;
    response.writeHead(200, this.headers);
    this.headers = undefined;
    // The head by itself, though in one system call with what follows: written with a body, Node
    // keeps the thirty strings that it joined it from for as long as the response lives.
    const socket = "stream" in response ? undefined : response.socket;
    socket?.cork();
    response.flushHeaders();
    this.writer = createWriter(response, this.maxInFlightBytes, this.owner);
    this.writer.send(hello);
    socket?.uncork();
    this.owner.onShortcut(this.writer);
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
