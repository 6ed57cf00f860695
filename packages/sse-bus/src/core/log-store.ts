import type { History } from "./backend.ts";
import {
  appendMessage,
  type TopicLog,
  createTopicLog,
  dropOldest,
  enforceLimits,
  newestSeq,
  restartLog,
} from "./topic-log.ts";
import type { HistoryResolver } from "./history.ts";
import type { LogMessage } from "./message.ts";
import { createOlderHistory, prepareHistory, prependHistory } from "./older-history.ts";
import { createRecency, type Recency } from "./recency.ts";
import { inSlices } from "./slices.ts";
import { inBackground, startTimeout } from "./timers.ts";

/**
 * All logs of one owner, with one byte limit. Above the limit, the least recently used log is evicted first.
 * An empty log counts as well, so that unused channels cannot accumulate.
 */
export interface LogStore {
  readonly logs: Map<string, TopicLog>;
  /**
   * The logs that can be evicted, least recently used first. It excludes empty logs that are not freed:
   * otherwise, at the limit, storing a message would visit all of them.
   */
  readonly inUse: Recency<TopicLog>;
  readonly resolve: HistoryResolver;
  readonly maxBytes: number;
  /** The store frees empty logs. `false` if each log has an owner that frees it. */
  readonly freesEmpty: boolean;
  /** The clock that message times come from, in ms since 1970. */
  readonly now: () => number;
  bytes: number;
  /** Freed logs may have dropped messages up to this `seq`. A new log starts with it as its horizon. */
  freedHorizon: number;
  sweepTimer: ReturnType<typeof setTimeout> | undefined;
}

const LOG_OVERHEAD_BYTES = 512;
const MIN_SWEEP_MS = 1000;
const MAX_SWEEP_MS = 60_000;

export function createLogStore(
  resolve: HistoryResolver,
  maxBytes: number,
  freesEmpty: boolean,
  now: () => number = Date.now,
): LogStore {
  return {
    logs: new Map(),
    inUse: createRecency(),
    resolve,
    maxBytes,
    freesEmpty,
    now,
    bytes: 0,
    freedHorizon: 0,
    sweepTimer: undefined,
  };
}

/** The log of `name`; created if it does not exist. */
export function openLog(store: LogStore, name: string): TopicLog {
  let log = store.logs.get(name);
  if (log) return log;
  log = createTopicLog(name, store.resolve(name), store.freedHorizon);
  store.logs.set(name, log);
  store.inUse.touch(log);
  store.bytes += LOG_OVERHEAD_BYTES + name.length;
  return log;
}

/** Appends to `log`, marks it as the most recently used, and enforces all limits. */
export function storeMessage(
  store: LogStore,
  log: TopicLog,
  message: LogMessage,
  now: number,
): void {
  touchLog(store, log);
  track(store, log, () => appendMessage(log, message, now));
  enforceTotal(store, log);
}

/**
 * Prepends older history to `log`, marks the log as the most recently used, and enforces all limits. Prepares
 * the history in slices, then adds it in one step, unless `isWanted` returns `false` by then.
 */
export async function storeHistory(
  store: LogStore,
  log: TopicLog,
  { messages, horizon }: History,
  isWanted: () => boolean,
): Promise<void> {
  const older = createOlderHistory(log, messages, horizon);
  await inSlices(prepareHistory(older, log));
  if (!isWanted()) return;
  touchLog(store, log);
  track(store, log, () => prependHistory(log, older));
  enforceTotal(store, log);
}

/** Marks a log as the most recently used. */
export function touchLog(store: LogStore, log: TopicLog): void {
  store.inUse.touch(log);
}

/**
 * Frees a log. Its newest `seq` becomes part of `freedHorizon`, so that a cursor before it still gets a gap.
 */
export function freeLog(store: LogStore, log: TopicLog): void {
  if (store.logs.get(log.name) !== log) return;
  store.logs.delete(log.name);
  store.inUse.delete(log);
  store.bytes -= log.bytes + LOG_OVERHEAD_BYTES + log.name.length;
  restartLog(log, { seq: newestSeq(log), time: log.horizonTime });
  if (store.freesEmpty) store.freedHorizon = Math.max(store.freedHorizon, log.horizon);
  if (store.logs.size === 0) stopSweeping(store);
}

/** Drops expired messages of all logs, and frees empty logs that no cursor needs. */
export function sweepStore(store: LogStore, now: number): void {
  for (const log of store.logs.values()) {
    track(store, log, () => enforceLimits(log, now));
    if (!store.freesEmpty || log.messages.length > log.first) continue;
    // Freeing raises `freedHorizon`, and older cursors of channels without a log then get a gap. So wait
    // until the horizon is older than `maxAgeMs`: no reader is expected to resume from a cursor that old.
    if (log.horizon <= store.freedHorizon || log.horizonTime < now - log.limits.maxAgeMs)
      freeLog(store, log);
  }
}

export function closeStore(store: LogStore): void {
  stopSweeping(store);
  store.logs.clear();
  store.inUse.clear();
  store.bytes = 0;
}

/** Enforces the limit of all logs together, and schedules the removal of expired messages. */
export function enforceTotal(store: LogStore, current?: TopicLog): void {
  if (store.bytes > store.maxBytes) evictLeastRecent(store, current);
  scheduleSweep(store);
}

function evictLeastRecent(store: LogStore, current: TopicLog | undefined): void {
  for (const log of store.inUse) {
    if (store.bytes <= store.maxBytes) return;
    track(store, log, () => {
      const excess = store.bytes - store.maxBytes;
      const target = log.bytes - excess;
      while (log.bytes > target && dropOldest(log));
    });
    if (log.messages.length > log.first) continue;
    if (!store.freesEmpty) store.inUse.delete(log);
    else if (log !== current && store.bytes > store.maxBytes) freeLog(store, log);
  }
}

/** Runs a change of `log` and updates the store's byte count. */
export function track(store: LogStore, log: TopicLog, change: () => void): void {
  const before = log.bytes;
  change();
  store.bytes += log.bytes - before;
}

/** One timer for all logs, and none while there are no logs. */
function scheduleSweep(store: LogStore): void {
  if (store.sweepTimer !== undefined || store.logs.size === 0) return;
  const shortest = store.resolve("").maxAgeMs;
  const delay = Math.min(MAX_SWEEP_MS, Math.max(MIN_SWEEP_MS, shortest / 4));
  const sweep = (): void => {
    store.sweepTimer = undefined;
    sweepStore(store, store.now());
    scheduleSweep(store);
  };
  store.sweepTimer = inBackground(startTimeout(sweep, delay));
}

function stopSweeping(store: LogStore): void {
  clearTimeout(store.sweepTimer);
  store.sweepTimer = undefined;
}
