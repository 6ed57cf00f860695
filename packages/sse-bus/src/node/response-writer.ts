import { Buffer } from "node:buffer";
import type { ServerResponse } from "node:http";
import type { Writable } from "node:stream";
import { type Packet, packetBytes } from "../core/packet.ts";
import { frameChunk, packetChunk } from "./chunk.ts";

/**
 * Writes an event stream to what carries a response whose head has left. Under HTTP/1.1 that is the
 * socket itself, with chunks that are framed once and shared by all; Node would frame, cork and copy
 * every write anew.
 */
export interface ResponseWriter {
  /** Takes the packet, always. `false`: enough is in flight, `onDrain` tells when to go on. */
  write(packet: Packet): boolean;
  send(bytes: Uint8Array): void;
  /** Stops listening; the response's own end may follow. Idempotent. */
  release(): void;
}

export interface ResponseWriterOptions {
  /** The bytes go below the response, which would have framed them. */
  readonly isChunked: boolean;
  /** Whether the response still has the target to itself. */
  readonly isOpen: () => boolean;
  /** See `StreamOptions.maxInFlightBytes`. */
  readonly maxInFlightBytes: number;
  readonly onDrain: () => void;
}

/** What one packet may add to the bytes in flight; see `MAX_PACKET_BYTES` of the bus. */
const MAX_PACKET_BYTES = 65_536;
const NOTHING = Buffer.alloc(0);

/** @param target A socket, a stream of HTTP/2, or the response itself where it must do the framing. */
export function createResponseWriter(
  target: Writable,
  { isChunked, isOpen, maxInFlightBytes, onDrain }: ResponseWriterOptions,
): ResponseWriter {
  const maxWaiting = Math.max(0, maxInFlightBytes - MAX_PACKET_BYTES);
  return {
    write(packet) {
      if (!isOpen()) return false;
      target.write(isChunked ? packetChunk(packet) : packetBytes(packet));
      // Not write()'s own answer: it counts what the kernel has taken by the time it returns.
      if (target.writableLength <= maxWaiting) return true;
      if (target.writableNeedDrain) target.once("drain", onDrain);
      // Too little for a `drain` to follow: an empty write tells when what is before it has left.
      else target.write(NOTHING, onDrain);
      return false;
    },
    send(bytes) {
      if (isOpen()) target.write(isChunked ? frameChunk(bytes) : bytes);
    },
    release() {
      target.off("drain", onDrain);
    },
  };
}

/**
 * A writer below a response of HTTP/1, if that has its socket and nothing of it waits before the
 * socket; HTTP/1.0 and bodies that end with the connection are not chunked (RFC 9112 §6.3).
 */
export function createSocketWriter(
  response: ServerResponse,
  options: Pick<ResponseWriterOptions, "maxInFlightBytes" | "onDrain">,
): ResponseWriter | undefined {
  const { socket } = response;
  if (!socket || socket.destroyed || response.writableLength !== socket.writableLength) {
    return undefined;
  }
  return createResponseWriter(socket, {
    ...options,
    isChunked: response.chunkedEncoding,
    // A socket outlives its response on a kept-alive connection: never write into the next one.
    isOpen: () => response.socket === socket && !response.writableEnded,
  });
}

/** Time for a stream's last bytes to leave after its end. */
const FAREWELL_MS = 1000;

/**
 * A client that takes nothing would keep an ended response, and a server that waits for it, for
 * ever: after a grace the connection is cut. The client resumes from its cursor.
 */
export function cutOffUnread(response: ServerResponse): void {
  if (response.writableFinished || response.destroyed) return;
  setTimeout(cutOff, FAREWELL_MS, response).unref();
}

function cutOff(response: ServerResponse): void {
  if (!response.writableFinished && response.writableLength > 0) response.socket?.destroy();
}
