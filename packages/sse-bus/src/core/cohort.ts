import { newestSeq, ordinalOf } from "./topic-log.ts";
import type { Counters, Traffic } from "./counters.ts";
import { SseBusError } from "./errors.ts";
import type { Flusher } from "./flusher.ts";
import { createGapPacket, type Packet } from "./packet.ts";
import type { Position } from "./position.ts";
import { hasLost, readLog } from "./read-log.ts";
import type { Reader } from "./reader.ts";
import type { Topic } from "./topic.ts";

/**
 * All readers of the same topics. Those at the head share the cohort's cursor, so that a flush reads
 * the log once and hands all of them the same bytes; each of the others has a cursor of its own.
 */
export interface Cohort {
  readonly key: string;
  readonly topics: readonly Topic[];
  readonly context: CohortContext;
  /** Everything up to here was handed to the readers at the head. */
  cursor: Position;
  readonly atHead: Reader[];
  readonly behind: Set<Reader>;
  readonly waiting: Set<Reader>;
  /** Packets made for readers behind in this turn, so that a reconnect storm shares them. */
  readonly packets: Map<string, Packet>;
  /** Nobody is handed anything before the topics are live, nor while a restarted log is read anew. */
  phase: "starting" | "running" | "restarting";
  topicChanged(topic: Topic): void;
}

/** What all cohorts of a bus share. */
export interface CohortContext {
  readonly maxPacketBytes: number;
  readonly counters: Counters;
  readonly traffic: Traffic;
  readonly flusher: Flusher<Cohort>;
  epoch(): string;
  onError(error: Error): void;
  /** The sink of this reader threw. */
  closeReader(reader: Reader, reason: "failed"): void;
}

const MAX_CACHED_PACKETS = 16;

/** Hands everything new to the readers at the head, in one write each unless it is much. */
export function flushCohort(cohort: Cohort): void {
  // Packets are shared by readers that read on in one turn; kept longer, they would be a queue.
  cohort.packets.clear();
  // What comes while flushing waits for the next flush, so that each one ends.
  const target = newestIn(cohort);
  while (cohort.phase === "running" && cohort.cursor.seq < target.seq) {
    if (hasLost(cohort.topics, cohort.cursor.seq, undefined)) leaveBehind(cohort, target);
    else if (!handOn(cohort)) cohort.cursor = target;
  }
}

/** The feed has lost something: each reader reads on by itself, and is told where it has to be. */
function leaveBehind(cohort: Cohort, target: Position): void {
  const from = cohort.cursor;
  const readers = cohort.atHead.slice();
  cohort.cursor = target;
  for (const reader of readers) leaveHead(reader, from);
  for (const reader of readers) pumpReader(reader);
  pumpWaiting(cohort);
}

/** Hands the next packet to the readers at the head. */
function handOn(cohort: Cohort): boolean {
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
  // The cursor moves first and the list is a copy: a sink may add, resume or close readers while it
  // is written to, and whoever comes to the head then must not count as handed this packet.
  cohort.cursor = packet.to;
  for (const reader of cohort.atHead.slice()) {
    if (reader.state !== "head") continue;
    if (reader.ready) deliver(reader, packet);
    else fallBehind(reader, from);
  }
  pumpWaiting(cohort);
  return true;
}

/** Lets a reader that is not at the head read on, until its sink is full or it is at the head. */
export function pumpReader(reader: Reader): void {
  const { cohort } = reader;
  if (reader.state !== "behind" && reader.state !== "waiting") return;
  if (cohort.phase !== "running") return;
  while (reader.ready && (reader.state as string) !== "closed") {
    const packet = takePendingGap(reader) ?? readOn(reader);
    if (!packet) break;
    reader.cursor = packet.to;
    if (packet.evictions) reader.knownEvictions = packet.evictions;
    deliver(reader, withCount(reader, packet));
  }
  if ((reader.state as string) !== "closed") place(reader);
}

/** Moves the cohort on over positions that hold nothing for it, as proven by the backend. */
export function advanceCohort(cohort: Cohort, reached: Position): void {
  if (cohort.phase !== "running" || reached.seq <= cohort.cursor.seq || hasNews(cohort)) return;
  cohort.cursor = reached;
  pumpWaiting(cohort);
}

/** Puts a reader where its cursor says. */
export function place(reader: Reader): void {
  const { cohort } = reader;
  unplace(reader);
  const ahead = reader.cursor.seq - cohort.cursor.seq;
  // While the log is read anew, the cohort's cursor is one of the old log.
  if (reader.pendingGap || ahead < 0 || cohort.phase !== "running") {
    reader.state = "behind";
    cohort.behind.add(reader);
  } else if (ahead > 0) {
    reader.state = "waiting";
    cohort.waiting.add(reader);
  } else {
    reader.state = "head";
    // The same position; one object for all of the cohort's readers.
    reader.cursor = cohort.cursor;
    if (!hasLost(cohort.topics, cohort.cursor.seq, undefined)) reader.knownEvictions = undefined;
    reader.snapshot = undefined;
    reader.index = cohort.atHead.push(reader) - 1;
  }
}

/** Takes a reader out of its cohort's lists. */
export function unplace(reader: Reader): void {
  const { cohort } = reader;
  cohort.behind.delete(reader);
  cohort.waiting.delete(reader);
  if (reader.state !== "head") return;
  const last = cohort.atHead.pop() as Reader;
  if (last !== reader) {
    cohort.atHead[reader.index] = last;
    last.index = reader.index;
  }
}

/** The cursor of a reader: up to here it was handed everything. */
export function readerCursor(reader: Reader): Position {
  return reader.state === "head" ? reader.cohort.cursor : reader.cursor;
}

/** Messages up to `seq`, known for a single topic only; with it a later gap can be counted. */
export function ordinalIn(cohort: Cohort, seq: number): number | undefined {
  const [only, another] = cohort.topics;
  return only && !another ? ordinalOf(only.log, seq) : undefined;
}

/** Hands a packet to the sink; one that throws is ended and harms nobody else. */
export function deliver(reader: Reader, packet: Packet): void {
  const { context } = reader.cohort;
  // Before the write: a sink that can take more at once may say so while it is written to.
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
  counters.delivered += packet.messages.length;
  traffic.frames += packet.frames;
  traffic.bytes += packet.size;
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

function fallBehind(reader: Reader, from: Position): void {
  leaveHead(reader, from);
  reader.cohort.context.counters.stalls++;
}

function leaveHead(reader: Reader, from: Position): void {
  const { cohort } = reader;
  unplace(reader);
  reader.state = "behind";
  reader.cursor = from;
  reader.ordinal = ordinalIn(cohort, from.seq);
  cohort.behind.add(reader);
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
