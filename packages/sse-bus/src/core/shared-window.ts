import type { Codec } from "./codec.ts";
import { joinBytes } from "./join-bytes.ts";
import { type Packet, packetBytes } from "./packet.ts";

/**
 * What the readers at the head of a cohort with a codec have received last, all of them. The next packet can
 * refer to it, which makes it several times smaller. Nothing is kept for each reader: those that have
 * received all of the window are at the front of `atHead`.
 */
export interface SharedWindow {
  readonly codec: Codec;
  /** How many readers at the front of `atHead` have received it. The others need a packet without it. */
  readers: number;
  bytes: Uint8Array;
  /** The beat on which all readers of the cohort are pinged; see `http/pulse.ts`. */
  beat: number | undefined;
}

const NOTHING = new Uint8Array();

export function createSharedWindow(codec: Codec): SharedWindow {
  return { codec, readers: 0, bytes: NOTHING, beat: undefined };
}

/** Chooses the form of a packet for a reader, by its place in `atHead` before the delivery and now. */
export type ChooseForm = (before: number, now: number) => Packet;

/**
 * Encodes a packet that goes to all readers at the head. It then is the newest part of the window. A reader
 * that has just come to the head receives a form that needs no window, and costs the others nothing else than
 * the older part of theirs.
 */
export function encodeForHead(window: SharedWindow, packet: Packet, readers: number): ChooseForm {
  const { codec, bytes, readers: inWindow } = window;
  const isShared = readers >= codec.minReaders;
  window.readers = isShared ? readers : 0;
  if (isShared) extend(window, packet, inWindow === readers ? bytes : NOTHING);
  else window.bytes = NOTHING;
  let shared: Packet | undefined;
  return (before, now) => {
    // A reader that receives something else during the delivery leaves the window.
    const isInWindow = isShared && before < inWindow && now < window.readers;
    if (!isInWindow) return encodeAlone(codec, packet);
    return (shared ??= encode(codec, packet, bytes));
  };
}

/** Encodes a packet that goes to the readers of the window only. */
export function encodeForWindow(window: SharedWindow, packet: Packet): Packet {
  const { codec, bytes } = window;
  extend(window, packet, bytes);
  return encode(codec, packet, bytes);
}

/** Encodes a packet for any reader, once for all. */
export function encodeAlone(codec: Codec, packet: Packet): Packet {
  packet.alone ??= encode(codec, packet, NOTHING);
  return packet.alone;
}

function encode(codec: Codec, packet: Packet, window: Uint8Array): Packet {
  const plain = packetBytes(packet);
  const bytes = codec.encode(plain, window);
  return { ...packet, bytes, sent: bytes.length, plain, framed: undefined, alone: undefined };
}

function extend(window: SharedWindow, packet: Packet, before: Uint8Array): void {
  const max = window.codec.windowBytes;
  const added = packetBytes(packet);
  if (added.length >= max) {
    // Copied: a part would keep the whole packet in memory.
    window.bytes = added.slice(added.length - max);
    return;
  }
  const kept = before.subarray(Math.max(0, before.length + added.length - max));
  window.bytes = joinBytes([kept, added]);
}
