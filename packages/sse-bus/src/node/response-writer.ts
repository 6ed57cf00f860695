import { Buffer } from "node:buffer";
import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import type { Writable } from "node:stream";
import { type Packet, packetBytes } from "../core/packet.ts";
import type { Sink } from "../core/sink.ts";
import { FAREWELL, type Farewell, OwnedSink, type SinkOwner } from "../http/byte-sink.ts";
import { frameChunk, packetChunk } from "./chunk.ts";
import { startTimeout } from "../core/timers.ts";
import { resetSocket } from "./reset-socket.ts";

/**
 * Writes an event stream to what carries a response whose head has been sent. Under HTTP/1.1 that is the
 * socket itself, with chunks that are framed once and shared by all readers; Node would frame, cork and
 * copy them for each reader.
 */
export interface ResponseWriter extends Sink {
  send(bytes: Uint8Array): void;
  /** Stops writing, so that the response's own end can follow. Idempotent. */
  release(): void;
}

export interface ResponseWriterOptions {
  /** The bytes go below the response, which would have framed them. */
  readonly isChunked: boolean;
  /** See `StreamOptions.maxInFlightBytes`. */
  readonly maxInFlightBytes: number;
}

/** What one packet may add to the bytes in flight; see `MAX_PACKET_BYTES` of the bus. */
const MAX_PACKET_BYTES = 65_536;
const NOTHING = Buffer.alloc(0);

/** @param target A socket, a stream of HTTP/2, or the response itself where it must do the framing. */
export function createResponseWriter(
  target: Writable,
  options: ResponseWriterOptions,
  owner: SinkOwner,
): ResponseWriter {
  return new TargetWriter(target, options, owner);
}

/** On the hot path: every packet of every client goes through `write`. */
class TargetWriter extends OwnedSink implements ResponseWriter {
  private readonly target: Writable;
  private readonly isChunked: boolean;
  private readonly maxWaiting: number;
  private isReleased = false;
  private onDrain: (() => void) | undefined;

  constructor(target: Writable, options: ResponseWriterOptions, owner: SinkOwner) {
    super(owner);
    this.target = target;
    this.isChunked = options.isChunked;
    this.maxWaiting = Math.max(0, options.maxInFlightBytes - MAX_PACKET_BYTES);
  }

  write(packet: Packet): boolean {
    if (this.isReleased) return false;
    const { target } = this;
    target.write(this.isChunked ? (packet.framed ?? packetChunk(packet)) : packetBytes(packet));
    // Not the result of `write()`: the kernel may have taken the bytes by the time it returns.
    if (target.writableLength <= this.maxWaiting) return true;
    this.awaitDrain();
    return false;
  }

  send(bytes: Uint8Array): void {
    if (!this.isReleased) this.target.write(this.isChunked ? frameChunk(bytes) : bytes);
  }

  release(): void {
    this.isReleased = true;
    if (this.onDrain) this.target.off("drain", this.onDrain);
  }

  private awaitDrain(): void {
    this.onDrain ??= () => this.owner.onReady();
    if (this.target.writableNeedDrain) this.target.once("drain", this.onDrain);
    // Too little for a `drain` to follow: an empty write calls back once what is before it has been sent.
    else this.target.write(NOTHING, this.onDrain);
  }
}

/**
 * Cuts the connection of an ended response after a grace period. A client that reads nothing would
 * otherwise keep the response, and a server that waits for it, forever. It resumes from its cursor.
 */
export function cutOffUnread(
  response: ServerResponse | Http2ServerResponse,
  { graceMs, isReset }: Farewell = FAREWELL,
): void {
  // Not `response.destroyed`: a response that its host has released is marked so while it is open.
  if (isFinished(response) || !response.socket || response.socket.destroyed) return;
  startTimeout(() => cutOff(response, isReset), graceMs).unref();
}

/** A response of HTTP/2 does not say it. */
function isFinished(response: ServerResponse | Http2ServerResponse): boolean {
  return "stream" in response ? response.stream.writableFinished : response.writableFinished;
}

function cutOff(response: ServerResponse | Http2ServerResponse, isReset: boolean): void {
  if ("stream" in response) {
    if (isReset && !isFinished(response)) response.stream.close(CANCEL);
    return;
  }
  const { socket } = response;
  if (isFinished(response) || response.writableLength === 0 || !socket) return;
  if (isReset) resetSocket(socket);
  else socket.destroy();
}

/** CANCEL (RFC 9113 §7): the stream of HTTP/2 ends, and others on its connection continue. */
const CANCEL = 8;
