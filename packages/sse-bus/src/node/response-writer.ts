import { Buffer } from "node:buffer";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type Packet, packetBytes } from "../core/packet.ts";
import { frameChunk, packetChunk } from "./chunk.ts";

/**
 * Writes an event stream to the socket under a response whose head has left, framed as the response
 * frames its body. Node would frame and copy every write anew; here all sockets share the bytes.
 */
export interface ResponseWriter {
  /** Takes the packet, always. `false`: the socket holds enough, `onDrain` tells when to go on. */
  write(packet: Packet): boolean;
  send(bytes: Uint8Array): void;
  /** Stops listening to the socket; the response's own end may follow. Idempotent. */
  release(): void;
}

export interface ResponseWriterOptions {
  /** See `StreamOptions.maxInFlightBytes`. */
  readonly maxInFlightBytes: number;
  readonly onDrain: () => void;
}

/** What a packet may add to bytes in flight; see `MAX_PACKET_BYTES` of the bus. */
const MAX_PACKET_BYTES = 65_536;
const NOTHING = Buffer.alloc(0);

/** @param socket The response's own, with nothing of the response waiting before it. */
export function createResponseWriter(
  response: ServerResponse,
  socket: Socket,
  { maxInFlightBytes, onDrain }: ResponseWriterOptions,
): ResponseWriter {
  // HTTP/1.0 and bodies that end with the connection are not chunked (RFC 9112 §6.3).
  const isChunked = response.chunkedEncoding;
  const maxWaiting = Math.max(0, maxInFlightBytes - MAX_PACKET_BYTES);

  function put(bytes: Uint8Array): void {
    // A socket outlives its response on a kept-alive connection: never write into the next one.
    if (response.socket === socket && !response.writableEnded) socket.write(bytes);
  }

  return {
    write(packet) {
      put(isChunked ? packetChunk(packet) : packetBytes(packet));
      // Not write()'s own answer: it counts what the kernel has taken by the time it returns.
      if (socket.writableLength <= maxWaiting) return true;
      if (socket.writableNeedDrain) socket.once("drain", onDrain);
      // Too little for a `drain` to follow: an empty write tells when what is before it has left.
      else socket.write(NOTHING, onDrain);
      return false;
    },
    send(bytes) {
      put(isChunked ? frameChunk(bytes) : bytes);
    },
    release() {
      socket.off("drain", onDrain);
    },
  };
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
