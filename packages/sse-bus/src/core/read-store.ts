import type { History } from "./backend.ts";
import { type TopicLog, enforceLimits } from "./topic-log.ts";
import { isPattern, topicCovers } from "./channel-name.ts";
import { type LogStore, track } from "./log-store.ts";
import type { LogMessage } from "./message.ts";
import { inSlices } from "./slices.ts";

/** Logs or messages between two yields. The clock is read at each, so that a slice can end. */
const STEP = 256;

/**
 * Everything kept of a channel or pattern, in order. A wide pattern may cover the whole store, so patterns
 * are read in slices. Messages that are published between slices may be included. Messages that are dropped
 * between slices move the horizon.
 */
export async function readStore(store: LogStore, topic: string): Promise<History> {
  if (isPattern(topic)) return inSlices(readPattern(store, topic));
  const log = store.logs.get(topic);
  if (!log) return { messages: [], horizon: store.freedHorizon };
  return { messages: messagesOf(store, log), horizon: log.horizon };
}

function* readPattern(store: LogStore, pattern: string): Generator<void, History> {
  const runs: LogMessage[][] = [];
  let horizon = 0;
  let steps = 0;
  // Skip logs that are created during the read: the live feed delivers all their messages.
  const names = Array.from(store.logs.keys());
  for (const name of names) {
    if (++steps % STEP === 0) yield;
    const log = store.logs.get(name);
    if (!log || !topicCovers(pattern, name)) continue;
    const run = messagesOf(store, log);
    horizon = Math.max(horizon, log.horizon);
    if (run.length > 0) runs.push(run);
    if (run.length > STEP) yield;
  }
  const messages = yield* mergeAll(runs);
  // `freedHorizon` covers logs that were freed during the read.
  return { messages, horizon: Math.max(horizon, store.freedHorizon) };
}

function messagesOf(store: LogStore, log: TopicLog): LogMessage[] {
  track(store, log, () => enforceLimits(log, store.now()));
  return log.messages.slice(log.first) as LogMessage[];
}

/** Merges pairs of runs until one is left, and yields in between. `sort` cannot be interrupted. */
function* mergeAll(runs: LogMessage[][]): Generator<void, LogMessage[]> {
  for (let next = 0; next + 1 < runs.length; next += 2) {
    runs.push(yield* merge(runs[next] as LogMessage[], runs[next + 1] as LogMessage[]));
    runs[next] = runs[next + 1] = [];
  }
  return runs.at(-1) ?? [];
}

function* merge(a: LogMessage[], b: LogMessage[]): Generator<void, LogMessage[]> {
  const merged: LogMessage[] = [];
  let left = 0;
  let right = 0;
  while (left < a.length || right < b.length) {
    const one = a[left];
    const other = b[right];
    if (one && (!other || one.seq < other.seq)) left = merged.push(one) - right;
    else right = merged.push(other as LogMessage) - left;
    if (merged.length % STEP === 0) yield;
  }
  return merged;
}
