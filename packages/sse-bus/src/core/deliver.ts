import { type Cohort, ordinalIn, type Reader } from "./cohort.ts";
import { SseBusError } from "./errors.ts";
import { createGapPacket, type Packet } from "./packet.ts";
import type { Position } from "./position.ts";
import { hasLost, readLog } from "./read-log.ts";
import { isReaderClosed, leaveWindow, moveBehind, placeReader, windowOf } from "./reader-state.ts";
import { encodeAlone, encodeForHead, encodeForWindow, type SharedWindow } from "./shared-window.ts";
import { newestSeq } from "./topic-log.ts";

const MAX_CACHED_PACKETS = 16;

/** Delivers everything new to the readers at the head, in one write each unless it is much. */
export function flushCohort(cohort: Cohort): void {
  // Packets are shared by readers that read on in one turn; kept longer, they would be a queue.
  cohort.packets.clear();
  // What arrives during the flush waits for the next one, so that each flush ends.
  const target = newestIn(cohort);
  while (cohort.phase === "running" && cohort.cursor.seq < target.seq) {
    if (hasLost(cohort.topics, cohort.cursor.seq, undefined)) moveAllBehind(cohort, target);
    else if (!deliverNext(cohort)) cohort.cursor = target;
  }
}

/** The feed lost messages: each reader reads on by itself, and receives a gap where it missed some. */
function moveAllBehind(cohort: Cohort, target: Position): void {
  const from = cohort.cursor;
  const readers = cohort.atHead.slice();
  cohort.cursor = target;
  for (const reader of readers) moveBehind(reader, from);
  for (const reader of readers) pumpReader(reader);
  pumpWaiting(cohort);
}

/** Delivers the next packet to the readers at the head; `false` when there is none. */
function deliverNext(cohort: Cohort): boolean {
  const { context } = cohort;
  const packet = readLog(cohort.topics, cohort.cursor.seq, {
    upTo: Number.MAX_SAFE_INTEGER,
    skipSuperseded: false,
    knownEvictions: undefined,
    snapshot: undefined,
    maxBytes: context.maxPacketBytes,
    epoch: context.epoch(),
  });
  if (!packet) return false;
  const from = cohort.cursor;
  // A sink may add, resume or close readers during its `write`. So the cursor moves first and the list
  // is a copy: a reader that comes to the head now is after this packet.
  cohort.cursor = packet.to;
  const readers = cohort.atHead.slice();
  const { window } = cohort;
  const formFor = window && encodeForHead(window, packet, readers.length);
  let place = 0;
  for (const reader of readers) {
    const before = place++;
    if (reader.state !== "head") continue;
    if (reader.ready) write(reader, formFor ? formFor(before, reader.index) : packet);
    else {
      moveBehind(reader, from);
      context.counters.stalls++;
    }
  }
  pumpWaiting(cohort);
  return true;
}

/** Lets a reader that is not at the head read on, until its sink is full or it is at the head. */
export function pumpReader(reader: Reader): void {
  const { cohort } = reader;
  if (reader.state !== "behind" && reader.state !== "waiting") return;
  if (cohort.phase !== "running") return;
  while (reader.ready && !isReaderClosed(reader)) {
    const packet = takePendingGap(reader) ?? readOn(reader);
    if (!packet) break;
    reader.cursor = packet.to;
    if (packet.evictions) reader.knownEvictions = packet.evictions;
    deliver(reader, withCount(reader, packet));
  }
  if (!isReaderClosed(reader)) placeReader(reader);
}

/** The sink can take a packet. */
export function resumeReader(reader: Reader): void {
  reader.ready = true;
  // During a write, the code that writes continues by itself: a call for each packet would exhaust the
  // stack.
  if (!isReaderClosed(reader) && !reader.isWriting) pumpReader(reader);
}

/** Moves the cohort past positions that hold nothing for it, up to the proven head. */
export function advanceCohort(cohort: Cohort, head: Position): void {
  if (cohort.phase !== "running" || head.seq <= cohort.cursor.seq || hasNews(cohort)) return;
  cohort.cursor = head;
  pumpWaiting(cohort);
}

/** Delivers a packet to those readers that have the window of a cohort, and can take it. */
export function deliverToWindow({ atHead }: Cohort, window: SharedWindow, packet: Packet): void {
  const readers = atHead.slice(0, window.readers);
  const encoded = encodeForWindow(window, packet);
  for (const reader of readers) {
    if (!windowOf(reader)) continue;
    if (reader.ready) write(reader, encoded);
    else leaveWindow(reader);
  }
}

/** Delivers a packet to one reader. */
export function deliver(reader: Reader, packet: Packet): void {
  const { window } = reader.cohort;
  if (!window) {
    write(reader, packet);
    return;
  }
  leaveWindow(reader);
  write(reader, encodeAlone(window.codec, packet));
}

/** Writes a packet to the sink. A sink that throws ends its own reader and no other one. */
function write(reader: Reader, packet: Packet): void {
  const { context } = reader.cohort;
  // Before the write: the sink may call `resumeReader` while it is written to.
  reader.ready = false;
  reader.isWriting = true;
  try {
    if (reader.sink.write(packet)) reader.ready = true;
  } catch (cause) {
    context.closeReader(reader, "failed");
    context.onError(
      new SseBusError("SINK_FAILED", "A reader's sink threw and was ended.", { cause }),
    );
    return;
  } finally {
    reader.isWriting = false;
  }
  const { counters, traffic } = context;
  counters.delivered += packet.counted;
  traffic.frames += packet.frames;
  traffic.bytes += packet.size;
  traffic.sent += packet.sent;
  reader.bytes += packet.size;
  if (packet.gap) counters.gaps++;
}

function hasNews(cohort: Cohort): boolean {
  return cohort.topics.some(({ log }) => newestSeq(log) > cohort.cursor.seq);
}

function newestIn({ topics }: Cohort): Position {
  let newest: Position = { seq: 0, time: 0 };
  for (const { log } of topics) {
    const seq = newestSeq(log);
    if (seq > newest.seq) newest = { seq, time: log.messages.at(-1)?.time ?? log.horizonTime };
  }
  return newest;
}

function pumpWaiting(cohort: Cohort): void {
  for (const reader of cohort.waiting) {
    if (reader.cursor.seq <= cohort.cursor.seq) pumpReader(reader);
  }
}

function readOn(reader: Reader): Packet | undefined {
  const { cohort, cursor, knownEvictions, snapshot } = reader;
  const upTo = cohort.cursor.seq;
  if (cursor.seq >= upTo) return undefined;
  const key = `${cursor.seq} ${knownEvictions?.join() ?? ""} ${snapshot ?? ""}`;
  let packet = cohort.packets.get(key);
  if (!packet) {
    packet = readLog(cohort.topics, cursor.seq, {
      upTo,
      skipSuperseded: true,
      knownEvictions,
      snapshot,
      maxBytes: cohort.context.maxPacketBytes,
      epoch: cohort.context.epoch(),
    });
    if (!packet) {
      reader.cursor = cohort.cursor;
      return undefined;
    }
    if (cohort.packets.size >= MAX_CACHED_PACKETS) cohort.packets.clear();
    cohort.packets.set(key, packet);
    cohort.context.flusher.add(cohort);
  }
  return packet;
}

function takePendingGap(reader: Reader): Packet | undefined {
  const gap = reader.pendingGap;
  reader.pendingGap = undefined;
  return gap && createGapPacket(gap, reader.cursor, reader.cohort.context.epoch());
}

function withCount(reader: Reader, packet: Packet): Packet {
  const before = reader.ordinal;
  reader.ordinal = ordinalIn(reader.cohort, packet.to.seq);
  // Only what this log itself has dropped can be counted.
  if (packet.gap?.reason !== "evicted") return packet;
  if (before === undefined || reader.ordinal === undefined) return packet;
  const gap = { ...packet.gap, count: reader.ordinal - before };
  return createGapPacket(gap, packet.to, reader.cohort.context.epoch());
}
