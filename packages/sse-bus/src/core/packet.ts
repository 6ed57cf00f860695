import type { LogMessage } from "./message.ts";
import { formatCursor, type Position } from "./position.ts";

/**
 * What is handed to a sink at once: messages, or a control block. Made once for a cohort and a
 * cursor, and shared by every reader that stands there.
 */
export interface Packet {
  /** Empty for a control block. */
  readonly messages: readonly LogMessage[];
  readonly gap: Gap | undefined;
  /** With a gap: the losses that it reports. See `ReadOptions.knownEvictions`. */
  readonly evictions: readonly number[] | undefined;
  /** Where a reader stands once it was handed this packet. */
  readonly to: Position;
  /** Event-stream blocks in it, and their bytes: counted once, however many readers take it. */
  readonly frames: number;
  readonly size: number;
  /** The bytes, joined when the first sink asks for them. See {@link packetBytes}. */
  bytes: Uint8Array | undefined;
  /**
   * The bytes as a transport frames them, made by the first sink that needs them and shared by the
   * others. The core does not read it; see `node/chunk.ts`.
   */
  framed: Uint8Array | undefined;
}

/** A loss that could not be avoided, told to the reader. */
export interface Gap {
  /** The topics, as subscribed to, that may have lost messages. */
  readonly channels: readonly string[];
  readonly reason: GapReason;
  /** How many messages are missing, where that is known exactly. */
  readonly count?: number;
}

/**
 * `evicted`: history no longer keeps what follows the cursor. `restarted`: another incarnation of
 * the log issued it. `ahead`: the log has not reached it. `unknown`: it is not a cursor at all.
 */
export type GapReason = "evicted" | "restarted" | "ahead" | "unknown";

const encoder = new TextEncoder();

export function createMessagePacket(messages: readonly LogMessage[]): Packet {
  const { seq, time } = messages.at(-1) as LogMessage;
  // A position of its own: a cursor that held the message would keep its frame in memory.
  let size = 0;
  for (const { frame } of messages) size += frame.length;
  return {
    messages,
    gap: undefined,
    evictions: undefined,
    to: { seq, time },
    frames: messages.length,
    size,
    bytes: undefined,
    framed: undefined,
  };
}

export function createGapPacket(
  gap: Gap,
  to: Position,
  epoch: string,
  evictions?: readonly number[],
): Packet {
  return { ...createBlock("gap", gap, to, epoch), gap, evictions };
}

/** A heartbeat: its id carries the cursor, so that a quiet connection's does not go stale. */
export function createPingPacket(to: Position, epoch: string): Packet {
  return createBlock("ping", { time: Date.now() }, to, epoch);
}

/** The bytes of a packet, joined once for all. */
export function packetBytes(packet: Packet): Uint8Array {
  packet.bytes ??= joinFrames(packet);
  return packet.bytes;
}

function createBlock(event: string, data: unknown, to: Position, epoch: string): Packet {
  const text = `id: ${formatCursor(to, epoch)}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
  const bytes = encoder.encode(text);
  const size = bytes.length;
  return {
    messages: [],
    gap: undefined,
    evictions: undefined,
    to,
    frames: 1,
    size,
    bytes,
    framed: undefined,
  };
}

function joinFrames({ messages, size }: Packet): Uint8Array {
  if (messages.length === 1) return (messages[0] as LogMessage).frame;
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const message of messages) {
    bytes.set(message.frame, offset);
    offset += message.frame.length;
  }
  return bytes;
}
