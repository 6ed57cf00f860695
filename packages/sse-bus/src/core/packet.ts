import { isReserved } from "./channel-name.ts";
import type { LogMessage } from "./message.ts";
import { formatCursor, type Position } from "./position.ts";

/**
 * What a sink receives in one call: messages, or a control frame. Created once per cohort and cursor, and
 * shared by all readers at that cursor.
 */
export interface Packet {
  /** Empty for a control frame. */
  readonly messages: readonly LogMessage[];
  readonly gap: Gap | undefined;
  /** The losses that a gap reports. See `ReadOptions.knownEvictions`. */
  readonly evictions: readonly number[] | undefined;
  /** The reader's position after this packet. */
  readonly to: Position;
  /** The messages that count as delivered: those of reserved channels do not. */
  readonly counted: number;
  /** The number of frames and their bytes. Counted once, not for each reader. */
  readonly frames: number;
  readonly size: number;
  /** The bytes, joined when the first sink needs them. See {@link packetBytes}. */
  bytes: Uint8Array | undefined;
  /**
   * The bytes in the transport's framing, created by the first sink that needs them and shared with the
   * others. The core does not read them; see `node/chunk.ts`.
   */
  framed: Uint8Array | undefined;
  /** How many bytes are sent: fewer than `size` if they are encoded. */
  readonly sent: number;
  /** The bytes before they were encoded; `undefined` if they are not. */
  readonly plain: Uint8Array | undefined;
  /** Of `plain`, computed by the first sink that needs it. The core does not read it; see `http/crc32.ts`. */
  checksum: { readonly crc: number; readonly shift: number } | undefined;
  /** Encoded so that any reader can decode it, once for all; see `shared-window.ts`. */
  alone: Packet | undefined;
}

/** A loss that is reported to the reader. */
export interface Gap {
  /** The channels and patterns of the subscription that may have lost messages. */
  readonly channels: readonly string[];
  readonly reason: GapReason;
  /** The number of missing messages, if it is known exactly. */
  readonly count?: number;
}

/**
 * - `evicted`: history no longer keeps all messages after the cursor.
 * - `restarted`: the log has restarted since it issued the cursor.
 * - `ahead`: the cursor is newer than the head of the log.
 * - `unknown`: the value is not a cursor.
 */
export type GapReason = "evicted" | "restarted" | "ahead" | "unknown";

const encoder = new TextEncoder();

export function createMessagePacket(messages: readonly LogMessage[]): Packet {
  const { seq, time } = messages.at(-1) as LogMessage;
  // Copied, because a cursor that referred to the message would keep its frame in memory.
  let size = 0;
  let counted = 0;
  for (const { channel, frame } of messages) {
    size += frame.length;
    if (!isReserved(channel)) counted++;
  }
  return {
    messages,
    gap: undefined,
    evictions: undefined,
    to: { seq, time },
    counted,
    frames: messages.length,
    size,
    bytes: undefined,
    framed: undefined,
    sent: size,
    plain: undefined,
    checksum: undefined,
    alone: undefined,
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

/** A heartbeat. Its id is the cursor, so that the cursor of a quiet stream does not expire. */
export function createPingPacket(to: Position, epoch: string): Packet {
  return createBlock("ping", { time: Date.now() }, to, epoch);
}

/** The bytes of a packet, joined once for all readers. */
export function packetBytes(packet: Packet): Uint8Array {
  packet.bytes ??= joinFrames(packet);
  return packet.bytes;
}

function createBlock(event: string, data: unknown, to: Position, epoch: string): Packet {
  const text = `id: ${formatCursor(to, epoch)}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
  return createBytesPacket(encoder.encode(text), to);
}

/** A packet of one frame that is no message. */
export function createBytesPacket(bytes: Uint8Array, to: Position): Packet {
  const size = bytes.length;
  return {
    messages: [],
    gap: undefined,
    evictions: undefined,
    to,
    counted: 0,
    frames: 1,
    size,
    bytes,
    framed: undefined,
    sent: size,
    plain: undefined,
    checksum: undefined,
    alone: undefined,
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
