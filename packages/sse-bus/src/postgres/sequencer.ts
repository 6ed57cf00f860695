import { createPause } from "../backend-shared/pause.ts";
import { type LogFunctions, SEQUENCE_LIMIT } from "./log-functions.ts";
import { toBackendError } from "./errors.ts";
import type { PendingTickets } from "./pending-tickets.ts";
import { startTimeout } from "../core/timers.ts";

/**
 * Gives committed messages their positions (sequence numbers), through the SQL function `sequence`.
 *
 * Any process can do it, one at a time. The process that published does it immediately, so there is
 * one call per commit, not one per process. The others call a moment later, unless the log has moved
 * by then. With hundreds of commits per second, a process calls every few ms without notifications.
 */
export interface Sequencer {
  /** A transaction was committed by this process (`own`), by another one, or by any other program. */
  committed(by: "own" | "other" | "unknown"): void;
  /** The log has moved: another process gave the positions. */
  logMoved(): void;
  /** Resolves when all messages committed before the call have a position. */
  assignAll(): Promise<void>;
  close(): Promise<void>;
}

export interface SequencerOptions {
  readonly log: LogFunctions;
  readonly tickets: PendingTickets;
  readonly onAssigned: () => void;
  readonly onError: (error: Error) => void;
}

/** How long to wait for the process that published, in ms. */
const PATIENCE_MS = 100;
/** The range over which the other processes spread their calls, in ms. */
const SPREAD_MS = 20;
/** A commit without a pending message may have an old ticket: how often to check all tickets, in ms. */
const CHECK_ALL_MS = 5000;

/** With this many messages in this time (200 per second), it calls without notifications. */
const BUSY_MESSAGES = 20;
const BUSY_WINDOW_MS = 100;
const BUSY_PAUSE_MS = 10;
/** How long each call promises the next one; the next call renews it long before it ends. */
const PROMISE_MS = 60;

export function createSequencer(options: SequencerOptions): Sequencer {
  const { log, tickets, onAssigned, onError } = options;
  const load = createLoad();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: Promise<void> | undefined;
  const pause = createPause();
  let isWanted = false;
  let isFailing = false;
  let isClosed = false;
  let checkedAllAt = -CHECK_ALL_MS;

  async function run(): Promise<void> {
    try {
      await loop();
      isFailing = false;
    } catch (error) {
      // The next poll tries again, and the log follower reports an outage.
      if (!isFailing && !isClosed) onError(toBackendError(error, "give positions"));
      isFailing = true;
      running = undefined;
    }
  }

  async function loop(): Promise<void> {
    let promisedUntil = 0;
    while (isWanted) {
      isWanted = false;
      const promiseMs = load.isBusy() ? PROMISE_MS : 0;
      const taken = await take(promiseMs);
      if (isClosed) return;
      if (promiseMs > 0) promisedUntil = performance.now() + promiseMs;
      if (taken === SEQUENCE_LIMIT) isWanted = true;
      else if (taken === 0 && promiseMs === 0) await checkAll();
      const restMs = promisedUntil - performance.now();
      if (isWanted || restMs <= 0) continue;
      // During a promise there are no notifications, so it must be kept until its end.
      await pause.wait(load.isBusy() ? BUSY_PAUSE_MS : restMs + 1);
      if (isClosed) return;
      isWanted = true;
    }
    // In the same turn as the last check of `isWanted`, so that no start() is lost.
    running = undefined;
  }

  async function take(promiseMs: number): Promise<number> {
    const taken = await log.sequence(promiseMs);
    load.add(taken);
    if (taken > 0) onAssigned();
    return taken;
  }

  async function checkAll(): Promise<void> {
    if (performance.now() - checkedAllAt < CHECK_ALL_MS) return;
    checkedAllAt = performance.now();
    tickets.checkAll();
    await take(0);
  }

  function start(): void {
    isWanted = true;
    clearTimeout(timer);
    timer = undefined;
    running ??= run();
  }

  return {
    committed(by) {
      if (isClosed) return;
      if (by === "own") return start();
      const patienceMs = by === "other" ? PATIENCE_MS : 0;
      timer ??= startTimeout(start, patienceMs + Math.random() * SPREAD_MS);
    },
    logMoved() {
      clearTimeout(timer);
      timer = undefined;
    },
    async assignAll() {
      while ((await take(0)) === SEQUENCE_LIMIT);
    },
    async close() {
      isClosed = true;
      clearTimeout(timer);
      pause.end();
      await running;
    },
  };
}

interface Load {
  add(messages: number): void;
  isBusy(): boolean;
}

/** Counts messages in two windows: the current one and the previous one. */
function createLoad(): Load {
  let start = 0;
  let before = 0;
  let current = 0;

  function turn(): void {
    const windows = Math.floor((performance.now() - start) / BUSY_WINDOW_MS);
    if (windows === 0) return;
    before = windows === 1 ? current : 0;
    current = 0;
    start += windows * BUSY_WINDOW_MS;
  }

  return {
    add(messages) {
      turn();
      current += messages;
    },
    isBusy() {
      turn();
      return before + current >= BUSY_MESSAGES;
    },
  };
}
