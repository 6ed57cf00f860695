import { type Reader, readerCursor } from "./cohort.ts";
import { advanceCohort, deliver, deliverToWindow } from "./deliver.ts";
import { type Engine, provenHead } from "./engine.ts";
import { createPingPacket, type Packet } from "./packet.ts";
import type { Cursor } from "./position.ts";
import { windowOf } from "./reader-state.ts";
import type { SharedWindow } from "./shared-window.ts";

/**
 * Sends a heartbeat to readers that can take a packet. Its id is the reader's cursor. Readers at the same
 * cursor share one packet. Where they share a window, all readers of the window receive it with the first of
 * them: a heartbeat of its own would take a reader out of the window.
 */
export function pingReaders(engine: Engine, readers: Iterable<Reader>): void {
  const head = flushedHead(engine);
  const packets = new Map<number, Packet>();
  const pinged = new Set<SharedWindow>();
  for (const reader of readers) {
    if (!canPing(reader)) continue;
    advanceCohort(reader.cohort, head);
    const cursor = readerCursor(reader);
    let packet = packets.get(cursor.seq);
    if (!packet) packets.set(cursor.seq, (packet = createPingPacket(cursor, head.epoch)));
    const window = windowOf(reader);
    if (!window) deliver(reader, packet);
    else if (!pinged.has(window)) {
      deliverToWindow(reader.cohort, window, packet);
      pinged.add(window);
    }
  }
}

/** Sends a heartbeat to one reader. Returns whether it could take it. */
export function pingReader(engine: Engine, reader: Reader): boolean {
  const head = flushedHead(engine);
  if (!canPing(reader)) return false;
  advanceCohort(reader.cohort, head);
  deliver(reader, createPingPacket(readerCursor(reader), head.epoch));
  return true;
}

/** Delivers pending messages first: the cursor of a heartbeat must not be ahead of what the reader has received. */
function flushedHead(engine: Engine): Cursor {
  engine.remote.flusher.flush();
  return provenHead(engine);
}

function canPing({ ready, state }: Reader): boolean {
  return ready && state !== "closed" && state !== "behind";
}
