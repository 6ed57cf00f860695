import { addMessage, type TopicLog, createTopicLog } from "./topic-log.ts";
import type { LogMessage } from "./message.ts";

/**
 * Older history, read from a backend, to prepend to a log. It may be everything that the server keeps, so it
 * is prepared in steps, in a log of its own. The live log continues to receive messages in between.
 */
export interface OlderHistory {
  readonly messages: readonly LogMessage[];
  /** The horizon of the history: the newest `seq` that was dropped. */
  readonly horizon: number;
  /** How many of `messages` are in `log` so far. */
  count: number;
  readonly log: TopicLog;
}

/** Messages between two yields. The clock is read at each, so that a slice can end. */
const STEP = 256;

export function createOlderHistory(
  { name, limits }: TopicLog,
  messages: readonly LogMessage[],
  horizon: number,
): OlderHistory {
  return { messages, horizon, count: 0, log: createTopicLog(name, limits, 0) };
}

/**
 * Adds the messages before the first one in `log`; if `log` is empty, those up to its horizon. The live feed
 * delivers the rest. The history can be ahead of the feed, so without this limit messages would be
 * duplicated.
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

/** Prepends the history to the current messages of the log. */
export function prependHistory(log: TopicLog, older: OlderHistory): void {
  const { messages, horizon } = older;
  // The log has dropped messages that are newer than the whole history. They are in neither of the two, so
  // the log's horizon stays and the history is of no use.
  if (log.evicted > Math.max(horizon, messages.at(-1)?.seq ?? 0)) return;
  // Also add the messages that the log has dropped since the history was prepared.
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
  // A pattern's window can have an older horizon than its history, which has the newest horizon of all
  // channels.
  if (horizon < log.horizon) {
    log.horizon = horizon;
    log.horizonTime = 0;
  }
  // Everything that the log dropped after the history's horizon is in the log again.
  log.beforeHydration = { evicted: Math.min(log.evicted, horizon), evictions: log.evictions };
  log.evicted = 0;
  // Ordinals count from the log's first message before it was hydrated, so that ordinals of readers stay
  // valid.
  log.dropped -= older.count;
  for (const message of kept) addMessage(log, message);
  // Readers at the head do not need history that is older than the live feed, so it may be evicted.
  log.settled = Math.max(log.settled, messages[older.count - 1]?.seq ?? 0);
}
