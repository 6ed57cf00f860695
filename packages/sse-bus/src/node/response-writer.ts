import { Buffer } from "node:buffer";
import type { ServerResponse } from "node:http";
import type { Writable } from "node:stream";
import { type Packet, packetBytes } from "../core/packet.ts";
import type { Sink } from "../core/sink.ts";
import { OwnedSink, type SinkOwner } from "../http/byte-sink.ts";
import { frameChunk, packetChunk } from "./chunk.ts";
import { startTimeout } from "../core/timers.ts";

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

/** How long the last bytes of a stream may take to be sent after its end. */
export const FAREWELL_MS = 1000;

/**
 * Cuts the connection of an ended response after a grace period. A client that reads nothing would
 * otherwise keep the response, and a server that waits for it, for ever. It resumes from its cursor.
 */
export function cutOffUnread(response: ServerResponse, graceMs: number = FAREWELL_MS): void {
  // Not `response.destroyed`: a response that its host has released is marked so while it is open.
  if (response.writableFinished || !response.socket || response.socket.destroyed) return;
  startTimeout(() => cutOff(response), graceMs).unref();
}

function cutOff(response: ServerResponse): void {
  if (!response.writableFinished && response.writableLength > 0) response.socket?.destroy();
}
