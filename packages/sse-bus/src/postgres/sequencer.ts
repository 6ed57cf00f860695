import { type Log, SEQUENCE_LIMIT } from "./log.ts";
import { toBackendError } from "./postgres-error.ts";
import type { Tickets } from "./tickets.ts";
import { startTimeout } from "../core/timers.ts";

/**
 * Sees to it that committed messages get their position. Every process may do it, and one at a time
 * does: at once the process that has published, so that there is one call a commit however many
 * processes there are; the others a moment later, unless the log has moved on by then. When commits
 * come by the hundred a second, it looks every few ms instead, and nobody has to tell it.
 */
export interface Sequencer {
  /** A transaction was committed by this process (`own`), by another, or by no sse-bus at all. */
  committed(by: "own" | "other" | "unknown"): void;
  /** The log has moved on: whoever was to see to it did. */
  moved(): void;
  /** Resolves once all that is committed now has a position. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

export interface SequencerOptions {
  readonly log: Log;
  readonly tickets: Tickets;
  readonly onTaken: () => void;
  readonly onError: (error: Error) => void;
}

/** How long to leave it to the process that published, in ms. */
const PATIENCE_MS = 100;
/** How far apart processes come that are all as near to it, in ms. */
const SPREAD_MS = 20;
/** A commit without news may be one that drew its ticket long ago; looked into once in so many ms. */
const LOOK_AGAIN_MS = 5000;

/** So many messages in this time make it look by itself: 200 a second. */
const BUSY_MESSAGES = 20;
const BUSY_WINDOW_MS = 100;
const BUSY_PAUSE_MS = 10;
/** How far ahead a look is promised; each look renews it long before it ends. */
const PROMISE_MS = 60;

export function createSequencer(options: SequencerOptions): Sequencer {
  const { log, tickets, onTaken, onError } = options;
  const load = createLoad();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: Promise<void> | undefined;
  let stopPause = (): void => {};
  let isWanted = false;
  let isFailing = false;
  let isClosed = false;
  let lookedAt = -LOOK_AGAIN_MS;

  async function run(): Promise<void> {
    try {
      await loop();
      isFailing = false;
    } catch (error) {
      // The next poll tries again, and the tail tells when the server is away.
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
      else if (taken === 0 && promiseMs === 0) await lookAgain();
      const restMs = promisedUntil - performance.now();
      if (isWanted || restMs <= 0) continue;
      // While it is promised, nobody calls; and what was promised has to be kept to the last.
      await pause(load.isBusy() ? BUSY_PAUSE_MS : restMs + 1);
      if (isClosed) return;
      isWanted = true;
    }
    // In the turn that found nothing more to do, or a start in between would be for nobody.
    running = undefined;
  }

  async function take(promiseMs: number): Promise<number> {
    const taken = await log.sequence(promiseMs);
    load.add(taken);
    if (taken > 0) onTaken();
    return taken;
  }

  async function lookAgain(): Promise<void> {
    if (performance.now() - lookedAt < LOOK_AGAIN_MS) return;
    lookedAt = performance.now();
    tickets.lookAtAll();
    await take(0);
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const pausing = startTimeout(resolve, ms);
      stopPause = () => {
        clearTimeout(pausing);
        resolve();
      };
    });
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
    moved() {
      clearTimeout(timer);
      timer = undefined;
    },
    async drain() {
      while ((await take(0)) === SEQUENCE_LIMIT);
    },
    async close() {
      isClosed = true;
      clearTimeout(timer);
      stopPause();
      await running;
    },
  };
}

interface Load {
  add(messages: number): void;
  isBusy(): boolean;
}

/** Counts in two windows, the current one and the one before. */
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
