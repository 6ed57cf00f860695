import { Buffer } from "node:buffer";
import { type Packet, packetBytes } from "../core/packet.ts";

const CRLF = "\r\n";

/**
 * Frames bytes as one HTTP/1.1 chunk (RFC 9112 §7.1). A `Buffer`, because a socket would wrap any
 * other `Uint8Array` in one at every write.
 */
export function frameChunk(bytes: Uint8Array): Buffer {
  return joinChunk("", [bytes], bytes.length);
}

/** The head of a response, in Latin-1 (RFC 9112 §2.2), and its first chunk. */
export function frameFirst(head: string, bytes: Uint8Array): Buffer {
  return joinChunk(head, [bytes], bytes.length);
}

/** The bytes of a packet as one HTTP/1.1 chunk, framed once for all its readers. */
export function packetChunk(packet: Packet): Uint8Array {
  packet.framed ??= makeChunk(packet);
  return packet.framed;
}

function makeChunk(packet: Packet): Buffer {
  if (packet.bytes || packet.messages.length <= 1) return frameChunk(packetBytes(packet));
  // Straight from the messages' frames: joining them first would copy every byte twice.
  const frames = packet.messages.map(({ frame }) => frame);
  return joinChunk(
    "",
    frames,
    frames.reduce((length, frame) => length + frame.length, 0),
  );
}

function joinChunk(before: string, parts: readonly Uint8Array[], length: number): Buffer {
  const head = before + length.toString(16) + CRLF;
  const chunk = Buffer.allocUnsafe(head.length + length + CRLF.length);
  let offset = chunk.write(head, "latin1");
  for (const part of parts) {
    chunk.set(part, offset);
    offset += part.length;
  }
  chunk.write(CRLF, offset, "latin1");
  return chunk;
}
