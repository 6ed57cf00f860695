import { addMessage, type TopicLog, createTopicLog } from "./topic-log.ts";
import type { LogMessage } from "./message.ts";

/**
 * Older history, as read from a backend, that is made ready to stand in front of what a log holds:
 * beside the log, step by step, while the log goes on. It may be all that a server keeps.
 */
export interface OlderHistory {
  readonly messages: readonly LogMessage[];
  /** The newest `seq` that was dropped before them. */
  readonly horizon: number;
  /** How many of the messages are in `log`. */
  count: number;
  readonly log: TopicLog;
}

/** Steps of a slice; the clock is read after each. */
const STEP = 256;

export function createOlderHistory(
  { name, limits }: TopicLog,
  messages: readonly LogMessage[],
  horizon: number,
): OlderHistory {
  return { messages, horizon, count: 0, log: createTopicLog(name, limits, 0) };
}

/**
 * Takes what the log does not hold, nor the live feed has still to bring: a read can be ahead of it,
 * and would double it.
 */
export function* prepareHistory(
  older: OlderHistory,
  log: TopicLog,
  step: number = STEP,
): Generator<void, void> {
  const limit = log.messages[log.first]?.seq ?? log.horizon + 1;
  for (;;) {
    const next = older.messages[older.count];
    if (!next || next.seq >= limit) return;
    addMessage(older.log, next);
    if (++older.count % step === 0) yield;
  }
}

/** Puts it in front of what the log holds by now. */
export function prependHistory(log: TopicLog, older: OlderHistory): void {
  const { messages, horizon } = older;
  // What was dropped while history was read is in neither: then the horizon is there.
  if (log.evicted > Math.max(horizon, messages.at(-1)?.seq ?? 0)) return;
  // What the log has dropped while it was prepared comes back, too.
  for (const _ of prepareHistory(older, log));
  const kept = log.messages.slice(log.first) as LogMessage[];
  log.messages = older.log.messages;
  log.first = 0;
  log.stale = older.log.stale;
  log.sinceCompaction = older.log.sinceCompaction;
  log.bytes = older.log.bytes;
  log.byKey = older.log.byKey;
  log.keyless = older.log.keyless;
  log.isCounted &&= older.log.isCounted;
  // A pattern's window can reach back behind what the histories of its channels still keep.
  if (horizon < log.horizon) {
    log.horizon = horizon;
    log.horizonTime = 0;
  }
  // All that was dropped after the horizon has come back.
  log.beforeHydration = { evicted: Math.min(log.evicted, horizon), evictions: log.evictions };
  log.evicted = 0;
  // Ordinals count from what was known first, so that readers' own stay true.
  log.dropped -= older.count;
  for (const message of kept) addMessage(log, message);
  // Older than the live feed: no reader at the head has still to be offered it.
  log.settled = Math.max(log.settled, messages[older.count - 1]?.seq ?? 0);
}
