import type { HistoryLimits } from "./history.ts";
import { type LogMessage, messageBytes } from "./message.ts";
import type { Position } from "./position.ts";
import type { Aged } from "./recency.ts";

/**
 * The bounded slice of a bus's order that one topic keeps: ascending by `seq`, complete after
 * `base`. A plain record with functions beside it, because a process may hold 100,000 of them.
 */
export interface TopicLog extends Aged<TopicLog> {
  readonly name: string;
  readonly limits: HistoryLimits;
  /** Ascending by `seq`; what stands before `first` is already dropped. */
  messages: (LogMessage | undefined)[];
  first: number;
  /** The horizon: every kept message after this `seq` is here, what was at or before it may be gone. */
  horizon: number;
  /** The horizon's time in ms, 0 if unknown. */
  horizonTime: number;
  /**
   * The newest `seq` that this log itself has dropped or lost since its history was read, 0 if none.
   * Not the horizon: a pattern's history keeps messages of one channel from before what another
   * channel has dropped.
   */
  evicted: number;
  /** How often it has dropped or lost something: what a reader was told of, or knew, by then. */
  evictions: number;
  /** The same two, as they were when history was read. */
  beforeHydration: { readonly evicted: number; readonly evictions: number } | undefined;
  /**
   * Nothing after this `seq` is evicted yet: readers at the head have still to be offered it, or a
   * channel that keeps one message would lose the first of two published in one turn.
   */
  settled: number;
  /** Kept messages that a newer one of the same key has superseded. */
  stale: number;
  /** Messages added since superseded ones were last removed. */
  sinceCompaction: number;
  bytes: number;
  /** Messages dropped since the log was made, as long as {@link isCounted}. */
  dropped: number;
  /** Every message dropped has been counted: none had a key, and none was lost on the way here. */
  isCounted: boolean;
  /** Newest message per channel and key; made when the first keyed message comes. */
  byKey: Map<string, LogMessage> | undefined;
  /** The newest message without a key; in a pattern's log, of each channel. */
  keyless: LogMessage | Map<string, LogMessage> | undefined;
}

/** Superseded messages wait for a compaction until there are this many, or more than live ones. */
const MIN_STALE = 64;

export function createTopicLog(name: string, limits: HistoryLimits, horizon: number): TopicLog {
  return {
    name,
    limits,
    messages: [],
    first: 0,
    horizon,
    horizonTime: 0,
    evicted: 0,
    evictions: 0,
    beforeHydration: undefined,
    settled: Number.POSITIVE_INFINITY,
    stale: 0,
    sinceCompaction: 0,
    bytes: 0,
    dropped: 0,
    isCounted: true,
    byKey: undefined,
    keyless: undefined,
    older: undefined,
    newer: undefined,
  };
}

/** Kept messages, without superseded ones. */
export function liveCount(log: TopicLog): number {
  return log.messages.length - log.first - log.stale;
}

/** The newest `seq` that was kept or lost. */
export function newestSeq(log: TopicLog): number {
  const newest = log.messages.length > log.first ? (log.messages.at(-1) as LogMessage).seq : 0;
  return Math.max(newest, log.horizon);
}

/**
 * The position before everything that is kept: the horizon, or an older one in a pattern's log. That log
 * keeps the messages of a quiet channel from before what a busy channel has dropped.
 */
export function startOfKept({ messages, first, horizon, horizonTime }: TopicLog): Position {
  const oldest = messages[first];
  if (!oldest || oldest.seq > horizon) return { seq: horizon, time: horizonTime };
  return { seq: oldest.seq - 1, time: oldest.time };
}

/** Adds the newest message, then evicts what the limits no longer allow. */
export function appendMessage(log: TopicLog, message: LogMessage, now: number): void {
  addMessage(log, message);
  enforceLimits(log, now);
}

/** The log is complete after this position: what came before it is history, and read as such. */
export function startAfter(log: TopicLog, { seq, time }: Position): void {
  log.settled = Math.max(log.settled, seq);
  while ((log.messages[log.first]?.seq ?? Number.POSITIVE_INFINITY) <= seq) dropOldest(log);
  log.horizon = Math.max(seq, log.evicted);
  log.horizonTime = time;
}

/** What came up to a position is not to be had any more, and how much it was nobody knows. */
export function loseUpTo(log: TopicLog, { seq, time }: Position): void {
  if (seq <= log.horizon) return;
  log.settled = Math.max(log.settled, seq);
  while ((log.messages[log.first]?.seq ?? Number.POSITIVE_INFINITY) <= seq) dropOldest(log);
  log.horizon = log.evicted = seq;
  log.evictions++;
  log.horizonTime = time;
  log.isCounted = false;
}

/** The newest `seq` that was dropped or lost after so many evictions, 0 if none. */
export function evictedSince(log: TopicLog, evictions: number): number {
  if (log.evictions <= evictions) return 0;
  const { beforeHydration } = log;
  return Math.max(
    log.evicted,
    beforeHydration && evictions < beforeHydration.evictions ? beforeHydration.evicted : 0,
  );
}

/** Empties the log, which begins anew after this position of another order. */
export function restartLog(log: TopicLog, { seq, time }: Position): void {
  log.messages = [];
  log.first = log.stale = log.sinceCompaction = log.bytes = log.evicted = 0;
  log.horizon = log.settled = seq;
  log.horizonTime = time;
  log.byKey = log.keyless = log.beforeHydration = undefined;
  log.isCounted = false;
}

/** Evicts by age, count and bytes, oldest first. */
export function enforceLimits(log: TopicLog, now: number): void {
  const { limits } = log;
  const isWorthwhile = log.stale > MIN_STALE && log.stale > liveCount(log);
  // A compaction reads the whole log, so some messages must have come since the last one.
  if (isWorthwhile || (log.stale > 0 && log.bytes > limits.maxBytes)) {
    if (log.sinceCompaction * 8 >= log.messages.length - log.first) dropStale(log);
  }
  while (liveCount(log) > limits.maxMessages || log.bytes > limits.maxBytes) {
    if (!dropOldest(log)) break;
  }
  dropAged(log, now);
}

/** Evicts by age alone. */
export function dropAged(log: TopicLog, now: number): void {
  const oldestAllowed = now - log.limits.maxAgeMs;
  while ((log.messages[log.first]?.time ?? Number.POSITIVE_INFINITY) < oldestAllowed) {
    if (!dropOldest(log)) break;
  }
}

/** Drops the oldest message and moves the horizon to it; `false` when there is none to drop. */
export function dropOldest(log: TopicLog): boolean {
  const oldest = log.messages[log.first];
  if (!oldest || oldest.seq > log.settled) return false;
  log.messages[log.first++] = undefined;
  log.bytes -= messageBytes(oldest);
  if (log.first >= 512 && log.first * 2 >= log.messages.length) {
    log.messages = log.messages.slice(log.first);
    log.first = 0;
  } else if (log.first === log.messages.length) {
    log.messages.length = log.first = 0;
  }
  if (oldest.superseded && log.byKey?.get(keyOf(oldest)) !== oldest) {
    // Nobody misses what the skipping of superseded messages would have left out anyway.
    log.stale--;
    return true;
  }
  if (oldest.key !== undefined) log.byKey?.delete(keyOf(oldest));
  else if (log.keyless === oldest) log.keyless = undefined;
  else if (log.keyless instanceof Map && !oldest.isOutdated) log.keyless.delete(oldest.channel);
  log.evicted = oldest.seq;
  log.evictions++;
  log.dropped++;
  // A horizon never goes back: what history kept from before it tells nothing of what it dropped.
  if (oldest.seq > log.horizon) {
    log.horizon = oldest.seq;
    log.horizonTime = oldest.time;
  }
  return true;
}

/** The index in `entries` of the first message after `seq`. */
export function indexAfter(log: TopicLog, seq: number): number {
  let low = log.first;
  let high = log.messages.length;
  // Readers are mostly at the end: look there before searching.
  if (high > low && (log.messages[high - 1] as LogMessage).seq <= seq) return high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((log.messages[middle] as LogMessage).seq <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many messages up to `seq` this log has seen, if that is known exactly. */
export function ordinalOf(log: TopicLog, seq: number): number | undefined {
  if (!log.isCounted || seq < log.horizon) return undefined;
  return log.dropped + indexAfter(log, seq) - log.first;
}

/** Adds the newest message, and evicts nothing. */
export function addMessage(log: TopicLog, message: LogMessage): void {
  log.messages.push(message);
  log.sinceCompaction++;
  log.bytes += messageBytes(message);
  if (message.key === undefined) outdate(log, message);
  else supersede(log, message, message.key);
}

function outdate(log: TopicLog, message: LogMessage): void {
  if (message.channel === log.name) {
    if (log.keyless) (log.keyless as LogMessage).isOutdated = true;
    log.keyless = message;
    return;
  }
  log.keyless ??= new Map<string, LogMessage>();
  const newest = log.keyless as Map<string, LogMessage>;
  const older = newest.get(message.channel);
  if (older) older.isOutdated = true;
  newest.set(message.channel, message);
}

function supersede(log: TopicLog, message: LogMessage, key: string): void {
  log.byKey ??= new Map();
  log.isCounted = false;
  const id = keyOf(message, key);
  const older = log.byKey.get(id);
  if (older) {
    older.superseded = true;
    log.stale++;
  }
  log.byKey.set(id, message);
}

/** Removes superseded messages; the horizon stays, since nothing that counts was lost. */
function dropStale(log: TopicLog): void {
  const kept: LogMessage[] = [];
  let bytes = 0;
  for (let index = log.first; index < log.messages.length; index++) {
    const message = log.messages[index] as LogMessage;
    if (message.superseded && message.seq <= log.settled) continue;
    kept.push(message);
    bytes += messageBytes(message);
  }
  log.sinceCompaction = 0;
  log.stale -= log.messages.length - log.first - kept.length;
  log.messages = kept;
  log.first = 0;
  log.bytes = bytes;
}

/** A pattern's log holds many channels, and a key counts within its own. */
function keyOf(message: LogMessage, key: string = message.key ?? ""): string {
  return `${message.channel} ${key}`;
}
