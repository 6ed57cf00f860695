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
import { startTimeout } from "./timers.ts";

/**
 * All logs of one owner under one byte limit; the least recently used one pays when it is passed.
 * An empty log costs its record too, so that channels nobody reads cannot pile up.
 */
export interface LogStore {
  readonly logs: Map<string, TopicLog>;
  /**
   * What can be evicted, least recently used first. Empty logs that stay are not in it: at the limit
   * every message would have to walk past them.
   */
  readonly inUse: Recency<TopicLog>;
  readonly resolve: HistoryResolver;
  readonly maxBytes: number;
  /** Empty logs go by themselves; `false` where each has an owner that frees it. */
  readonly freesEmpty: boolean;
  /** The clock that messages have their times from, in ms since 1970. */
  readonly now: () => number;
  bytes: number;
  /** What freed logs may have dropped, up to this `seq`: the horizon a new log starts from. */
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

/** The log of `name`, made when it is not there. */
export function openLog(store: LogStore, name: string): TopicLog {
  let log = store.logs.get(name);
  if (log) return log;
  log = createTopicLog(name, store.resolve(name), store.freedHorizon);
  store.logs.set(name, log);
  store.inUse.touch(log);
  store.bytes += LOG_OVERHEAD_BYTES + name.length;
  return log;
}

/** Appends to `log`, as the most recently used, and keeps all limits. */
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
 * Puts older history in front of what `log` holds, as the most recently used, and keeps all limits.
 * Made ready in slices, and put there at once, if it `isWanted` by then.
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

/** Marks a log as used just now. */
export function touchLog(store: LogStore, log: TopicLog): void {
  store.inUse.touch(log);
}

/** Frees a log; its horizon folds into the floor, so that no cursor can pass over what it held. */
export function freeLog(store: LogStore, log: TopicLog): void {
  if (store.logs.get(log.name) !== log) return;
  store.logs.delete(log.name);
  store.inUse.delete(log);
  store.bytes -= log.bytes + LOG_OVERHEAD_BYTES + log.name.length;
  restartLog(log, { seq: newestSeq(log), time: log.horizonTime });
  if (store.freesEmpty) store.freedHorizon = Math.max(store.freedHorizon, log.horizon);
  if (store.logs.size === 0) stopSweeping(store);
}

/** Drops what is too old everywhere, and frees logs that are empty and that no cursor can need. */
export function sweepStore(store: LogStore, now: number): void {
  for (const log of store.logs.values()) {
    track(store, log, () => enforceLimits(log, now));
    if (!store.freesEmpty || log.messages.length > log.first) continue;
    // A horizon that history's age has passed too is of no use to a reader who may still resume.
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

/** Keeps the limit of all logs together, and sees to it that what grows too old will go. */
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

/** Runs a change of `log` and keeps the store's byte count true. */
export function track(store: LogStore, log: TopicLog, change: () => void): void {
  const before = log.bytes;
  change();
  store.bytes += log.bytes - before;
}

/** One timer for all logs, and none while there is nothing to drop. */
function scheduleSweep(store: LogStore): void {
  if (store.sweepTimer !== undefined || store.logs.size === 0) return;
  const shortest = store.resolve("").maxAgeMs;
  const delay = Math.min(MAX_SWEEP_MS, Math.max(MIN_SWEEP_MS, shortest / 4));
  store.sweepTimer = startTimeout(() => {
    store.sweepTimer = undefined;
    sweepStore(store, store.now());
    scheduleSweep(store);
  }, delay);
  (store.sweepTimer as { unref?: () => void }).unref?.();
}

function stopSweeping(store: LogStore): void {
  clearTimeout(store.sweepTimer);
  store.sweepTimer = undefined;
}
