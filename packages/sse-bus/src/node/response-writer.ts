import { Buffer } from "node:buffer";
import type { ServerResponse } from "node:http";
import type { Writable } from "node:stream";
import { type Packet, packetBytes } from "../core/packet.ts";
import type { EndReason, Sink } from "../core/reader.ts";
import type { SinkOwner } from "../http/byte-sink.ts";
import { frameChunk, packetChunk } from "./chunk.ts";
import { startTimeout } from "../core/timers.ts";

/**
 * Writes an event stream to what carries a response whose head has left. Under HTTP/1.1 that is the
 * socket itself, with chunks that are framed once and shared by all; Node would frame, cork and copy
 * every write anew.
 */
export interface ResponseWriter extends Sink {
  send(bytes: Uint8Array): void;
  /** Nothing is written any more; the response's own end may follow. Idempotent. */
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

/**
 * A writer below a response of HTTP/1, if that has its socket and nothing of it waits before the
 * socket; HTTP/1.0 and bodies that end with the connection are not chunked (RFC 9112 §6.3).
 *
 * The caller MUST release it when the response finishes, by whomever: a socket outlives its response
 * on a kept-alive connection, and our bytes must not be found in the next one.
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
  return new TargetWriter(socket, { isChunked, maxInFlightBytes }, owner);
}

/** A class for the same reason as `EventStream` is one; every packet of every client comes through. */
class TargetWriter implements ResponseWriter {
  private readonly target: Writable;
  private readonly isChunked: boolean;
  private readonly maxWaiting: number;
  private readonly owner: SinkOwner;
  private isReleased = false;
  private onDrain: (() => void) | undefined;

  constructor(target: Writable, options: ResponseWriterOptions, owner: SinkOwner) {
    this.target = target;
    this.isChunked = options.isChunked;
    this.maxWaiting = Math.max(0, options.maxInFlightBytes - MAX_PACKET_BYTES);
    this.owner = owner;
  }

  write(packet: Packet): boolean {
    if (this.isReleased) return false;
    const { target } = this;
    target.write(this.isChunked ? (packet.framed ?? packetChunk(packet)) : packetBytes(packet));
    // Not write()'s own answer: it counts what the kernel has taken by the time it returns.
    if (target.writableLength <= this.maxWaiting) return true;
    this.awaitDrain();
    return false;
  }

  send(bytes: Uint8Array): void {
    if (!this.isReleased) this.target.write(this.isChunked ? frameChunk(bytes) : bytes);
  }

  end(reason: EndReason): void {
    this.owner.onEnd(reason);
  }

  release(): void {
    this.isReleased = true;
    if (this.onDrain) this.target.off("drain", this.onDrain);
  }

  private awaitDrain(): void {
    this.onDrain ??= () => this.owner.onReady();
    if (this.target.writableNeedDrain) this.target.once("drain", this.onDrain);
    // Too little for a `drain` to follow: an empty write tells when what is before it has left.
    else this.target.write(NOTHING, this.onDrain);
  }
}

/** Time for a stream's last bytes to leave after its end. */
export const FAREWELL_MS = 1000;

/**
 * A client that takes nothing would keep an ended response, and a server that waits for it, for
 * ever: after a grace the connection is cut. The client resumes from its cursor.
 */
export function cutOffUnread(response: ServerResponse, graceMs: number = FAREWELL_MS): void {
  // Not `response.destroyed`: one that its host has let go of counts as that while it is open.
  if (response.writableFinished || !response.socket || response.socket.destroyed) return;
  startTimeout(() => cutOff(response), graceMs).unref();
}

function cutOff(response: ServerResponse): void {
  if (!response.writableFinished && response.writableLength > 0) response.socket?.destroy();
}
