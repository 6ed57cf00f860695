import { type Engine, provenHead } from "./engine.ts";
import { advanceCohort, deliver, readerCursor } from "./cohort.ts";
import { createPingPacket, type Packet } from "./packet.ts";
import type { Reader } from "./reader.ts";

/**
 * Sends a heartbeat to readers that can take one. Its id is the cursor each has reached; readers at
 * the head share it, and so the bytes.
 *
 * @returns how many could
 */
export function pingReaders(engine: Engine, readers: Iterable<Reader>): number {
  // What is published but not yet handed out goes first, or the head would be claimed too early.
  engine.remote.flusher.flush();
  const head = provenHead(engine);
  const packets = new Map<number, Packet>();
  let count = 0;
  for (const reader of readers) {
    if (!reader.ready || reader.state === "closed" || reader.state === "behind") continue;
    advanceCohort(reader.cohort, head);
    const cursor = readerCursor(reader);
    let packet = packets.get(cursor.seq);
    if (!packet) packets.set(cursor.seq, (packet = createPingPacket(cursor, head.epoch)));
    deliver(reader, packet);
    count++;
  }
  return count;
}
