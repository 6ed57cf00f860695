import type { HistoryLimits } from "./history.ts";
import { type LogMessage, messageBytes } from "./message.ts";

/**
 * The bounded slice of a bus's order that one topic keeps: ascending by `seq`, complete after
 * `base`. A plain record with functions beside it, because a process may hold 100,000 of them.
 */
export interface ChannelLog {
  readonly name: string;
  readonly limits: HistoryLimits;
  /** Ascending by `seq`; what stands before `first` is already dropped. */
  entries: (LogMessage | undefined)[];
  first: number;
  /** The horizon: every kept message after this `seq` is here, what was at or before it may be gone. */
  base: number;
  /** The horizon's time in ms, 0 if unknown. */
  baseTime: number;
  /**
   * Nothing after this `seq` is evicted yet: readers at the head have still to be offered it, or a
   * channel that keeps one message would lose the first of two published in one turn.
   */
  settled: number;
  /** Kept messages that a newer one of the same key has superseded. */
  stale: number;
  bytes: number;
  /** Messages dropped since the log was made, counted only while no message has had a key. */
  dropped: number;
  /** Newest message per channel and key; made when the first keyed message comes. */
  byKey: Map<string, LogMessage> | undefined;
}

/** Superseded messages wait for a compaction until there are this many, or more than live ones. */
const MIN_STALE = 64;

export function createChannelLog(name: string, limits: HistoryLimits, base: number): ChannelLog {
  return {
    name,
    limits,
    entries: [],
    first: 0,
    base,
    baseTime: 0,
    settled: Number.POSITIVE_INFINITY,
    stale: 0,
    bytes: 0,
    dropped: 0,
    byKey: undefined,
  };
}

/** Kept messages, without superseded ones. */
export function liveCount(log: ChannelLog): number {
  return log.entries.length - log.first - log.stale;
}

/** The newest kept `seq`, or the horizon of an empty log. */
export function newestSeq(log: ChannelLog): number {
  return log.entries.length > log.first ? (log.entries.at(-1) as LogMessage).seq : log.base;
}

/** Adds the newest message, then evicts what the limits no longer allow. */
export function appendMessage(log: ChannelLog, message: LogMessage, now: number): void {
  log.entries.push(message);
  log.bytes += messageBytes(message);
  if (message.key !== undefined) supersede(log, message, message.key);
  enforceLimits(log, now);
}

/**
 * Puts older history in front, as read from a backend; what the log already holds is skipped, and
 * so is what the live feed has still to bring: a read can be ahead of it, and would double it.
 */
export function prependHistory(
  log: ChannelLog,
  history: readonly LogMessage[],
  base: number,
): void {
  const kept = log.entries.slice(log.first) as LogMessage[];
  const limit = kept[0]?.seq ?? log.base + 1;
  log.entries = [];
  log.first = 0;
  log.stale = 0;
  log.bytes = 0;
  log.byKey = undefined;
  log.base = base;
  const older = history.filter((entry) => entry.seq < limit);
  // Ordinals count from what was known first, so that readers' own stay true.
  log.dropped -= older.length;
  for (const message of [...older, ...kept]) {
    log.entries.push(message);
    log.bytes += messageBytes(message);
    if (message.key !== undefined) supersede(log, message, message.key);
  }
}

/** Evicts by age, count and bytes, oldest first. */
export function enforceLimits(log: ChannelLog, now: number): void {
  const { limits } = log;
  if (log.stale >= MIN_STALE && log.stale > liveCount(log)) dropStale(log);
  if (log.stale > 0 && log.bytes > limits.maxBytes) dropStale(log);
  while (liveCount(log) > limits.maxMessages || log.bytes > limits.maxBytes) {
    if (!dropOldest(log)) break;
  }
  const oldestAllowed = now - limits.maxAgeMs;
  while ((log.entries[log.first]?.time ?? Number.POSITIVE_INFINITY) < oldestAllowed) {
    if (!dropOldest(log)) break;
  }
}

/** Drops the oldest message and moves the horizon to it; `false` when there is none to drop. */
export function dropOldest(log: ChannelLog): boolean {
  const oldest = log.entries[log.first];
  if (!oldest || oldest.seq > log.settled) return false;
  log.entries[log.first++] = undefined;
  log.bytes -= messageBytes(oldest);
  if (log.first >= 512 && log.first * 2 >= log.entries.length) {
    log.entries = log.entries.slice(log.first);
    log.first = 0;
  } else if (log.first === log.entries.length) {
    log.entries.length = log.first = 0;
  }
  if (oldest.superseded && log.byKey?.get(keyOf(oldest)) !== oldest) {
    // Nobody misses what the skipping of superseded messages would have left out anyway.
    log.stale--;
    return true;
  }
  if (oldest.key !== undefined) log.byKey?.delete(keyOf(oldest));
  log.base = oldest.seq;
  log.baseTime = oldest.time;
  log.dropped++;
  return true;
}

/** The index in `entries` of the first message after `seq`. */
export function indexAfter(log: ChannelLog, seq: number): number {
  let low = log.first;
  let high = log.entries.length;
  // Readers are mostly at the end: look there before searching.
  if (high > low && (log.entries[high - 1] as LogMessage).seq <= seq) return high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((log.entries[middle] as LogMessage).seq <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many messages up to `seq` this log has seen, if that is known exactly. */
export function ordinalOf(log: ChannelLog, seq: number): number | undefined {
  if (log.byKey || seq < log.base) return undefined;
  return log.dropped + indexAfter(log, seq) - log.first;
}

function supersede(log: ChannelLog, message: LogMessage, key: string): void {
  log.byKey ??= new Map();
  const id = keyOf(message, key);
  const older = log.byKey.get(id);
  if (older) {
    older.superseded = true;
    log.stale++;
  }
  log.byKey.set(id, message);
}

/** Removes superseded messages; the horizon stays, since nothing that counts was lost. */
function dropStale(log: ChannelLog): void {
  const kept: LogMessage[] = [];
  let bytes = 0;
  for (let index = log.first; index < log.entries.length; index++) {
    const message = log.entries[index] as LogMessage;
    if (message.superseded && message.seq <= log.settled) continue;
    kept.push(message);
    bytes += messageBytes(message);
  }
  log.stale -= log.entries.length - log.first - kept.length;
  log.entries = kept;
  log.first = 0;
  log.bytes = bytes;
}

/** A pattern's log holds many channels, and a key counts within its own. */
function keyOf(message: LogMessage, key: string = message.key ?? ""): string {
  return `${message.channel} ${key}`;
}
