import { type Engine, provenHead } from "./engine.ts";
import { createPingPacket, type Packet } from "./packet.ts";
import { type Reader, readerCursor } from "./cohort.ts";
import { advanceCohort, deliver } from "./deliver.ts";

/**
 * Sends a heartbeat to readers that can take a packet. Its id is the reader's cursor. Readers at the same
 * cursor share one packet.
 *
 * @returns how many readers received a heartbeat
 */
export function pingReaders(engine: Engine, readers: Iterable<Reader>): number {
  // Deliver pending messages first: the cursor of a heartbeat must not be ahead of what the reader has
  // received.
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
