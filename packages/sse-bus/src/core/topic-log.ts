import type { HistoryLimits } from "./history.ts";
import { type LogMessage, messageBytes } from "./message.ts";
import type { Position } from "./position.ts";
import { forgetNewest, isNewest, type NewestMessages, noteNewest } from "./newest-messages.ts";
import type { Aged } from "./recency.ts";

/**
 * The messages that one topic keeps: a bounded part of the bus's log, ascending by `seq`, complete
 * after the horizon. A plain record with functions beside it, because a process may hold 100,000.
 */
export interface TopicLog extends Aged<TopicLog>, NewestMessages {
  readonly limits: HistoryLimits;
  /** Ascending by `seq`; those before the index `first` are already dropped. */
  messages: (LogMessage | undefined)[];
  first: number;
  /** The horizon: every message after this `seq` is here; one at or before it may have been dropped. */
  horizon: number;
  /** The horizon's time in ms, 0 if unknown. */
  horizonTime: number;
  /**
   * The newest `seq` that this log itself has dropped or lost since its history was read, 0 if none.
   * It can be older than the horizon: a pattern's log keeps messages of one channel from before what
   * another channel has dropped.
   */
  evicted: number;
  /** How often it has dropped or lost something; readers remember the number they know of. */
  evictions: number;
  /** `evicted` and `evictions` as they were when history was read. */
  beforeHydration: { readonly evicted: number; readonly evictions: number } | undefined;
  /**
   * Nothing after this `seq` is evicted yet, because readers at the head were not offered it. Otherwise
   * a channel that keeps one message would lose the first of two published in one turn.
   */
  settled: number;
  /** Kept messages that a newer one of the same key has superseded. */
  stale: number;
  /** Messages added since superseded ones were last removed. */
  sinceCompaction: number;
  bytes: number;
  /** Messages dropped since the log was made, as long as {@link isCounted}. */
  dropped: number;
  /** Every dropped message was counted: none had a key, and none was lost on the way here. */
  isCounted: boolean;
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

/** Adds the newest message, then evicts what exceeds the limits. */
export function appendMessage(log: TopicLog, message: LogMessage, now: number): void {
  addMessage(log, message);
  enforceLimits(log, now);
}

/** Makes the log complete after this position only: what is older has to be read from history. */
export function startAfter(log: TopicLog, { seq, time }: Position): void {
  log.settled = Math.max(log.settled, seq);
  while ((log.messages[log.first]?.seq ?? Number.POSITIVE_INFINITY) <= seq) dropOldest(log);
  log.horizon = Math.max(seq, log.evicted);
  log.horizonTime = time;
}

/** Everything up to a position is lost, and how many messages that were is unknown. */
export function loseUpTo(log: TopicLog, { seq, time }: Position): void {
  if (seq <= log.horizon) return;
  log.settled = Math.max(log.settled, seq);
  while ((log.messages[log.first]?.seq ?? Number.POSITIVE_INFINITY) <= seq) dropOldest(log);
  log.horizon = log.evicted = seq;
  log.evictions++;
  log.horizonTime = time;
  log.isCounted = false;
}

/** The newest `seq` that was dropped or lost after the first `evictions` times, 0 if none. */
export function evictedSince(log: TopicLog, evictions: number): number {
  if (log.evictions <= evictions) return 0;
  const { beforeHydration } = log;
  return Math.max(
    log.evicted,
    beforeHydration && evictions < beforeHydration.evictions ? beforeHydration.evicted : 0,
  );
}

/** Empties the log and starts it again after a position of the new epoch. */
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
  // A compaction reads the whole log, so it needs some new messages since the last one.
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
  if (oldest.superseded && !isNewest(log, oldest)) {
    // No loss: readers behind skip superseded messages anyway.
    log.stale--;
    return true;
  }
  forgetNewest(log, oldest);
  log.evicted = oldest.seq;
  log.evictions++;
  log.dropped++;
  // The horizon never goes back.
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
  // Most readers are at the end: look there before searching.
  if (high > low && (log.messages[high - 1] as LogMessage).seq <= seq) return high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((log.messages[middle] as LogMessage).seq <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many messages up to `seq` this log has had, if that is known exactly. */
export function ordinalOf(log: TopicLog, seq: number): number | undefined {
  if (!log.isCounted || seq < log.horizon) return undefined;
  return log.dropped + indexAfter(log, seq) - log.first;
}

/** Adds the newest message, and evicts nothing. */
export function addMessage(log: TopicLog, message: LogMessage): void {
  log.messages.push(message);
  log.sinceCompaction++;
  log.bytes += messageBytes(message);
  if (message.key !== undefined) log.isCounted = false;
  if (noteNewest(log, message)) log.stale++;
}

/** Removes superseded messages. The horizon stays: readers skip them anyway. */
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
