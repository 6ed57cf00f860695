import { startTimeout } from "./timers.ts";

/** Collects what has changed and flushes it once, when `schedule` says. */
export interface Flusher<Item> {
  /** How many `add` calls have not been flushed yet. */
  pending(): number;
  add(item: Item): void;
  /** Flushes now what has been added; within a flush it does nothing, the next one is on its way. */
  flush(): void;
  /** Resolves after the next flush, at once if nothing waits for one. */
  flushed(): Promise<void>;
}

/** Runs a function later: after the current turn of the event loop, or still in it. */
export type Schedule = (run: () => void) => void;

export interface FlusherHooks {
  readonly beforeFlush?: () => void;
  readonly afterFlush?: () => void;
}

export function createFlusher<Item>(
  schedule: Schedule,
  flushItem: (item: Item) => void,
  { beforeFlush, afterFlush }: FlusherHooks = {},
): Flusher<Item> {
  let dirty = new Set<Item>();
  let spare = new Set<Item>();
  let isScheduled = false;
  let isRunning = false;
  let pending = 0;
  let waiting: (() => void)[] = [];

  function add(item: Item): void {
    pending++;
    dirty.add(item);
    if (isScheduled) return;
    isScheduled = true;
    schedule(run);
  }

  function run(): void {
    isScheduled = false;
    isRunning = true;
    pending = 0;
    const items = dirty;
    // An item added while flushing waits for the next run, so that a flush always ends.
    dirty = spare;
    const resolved = waiting;
    waiting = [];
    try {
      beforeFlush?.();
      for (const item of items) {
        items.delete(item);
        flushItem(item);
      }
      afterFlush?.();
    } finally {
      // Only after something threw, which nothing may: the others must not wait for ever.
      for (const item of items) add(item);
      items.clear();
      spare = items;
      isRunning = false;
      for (const resolve of resolved) resolve();
    }
  }

  return {
    pending: () => pending,
    add,
    flush() {
      if (dirty.size > 0 && !isRunning) run();
    },
    flushed: () =>
      dirty.size === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve)),
  };
}

/**
 * After the current turn, behind the I/O that is ready: a publisher's answer leaves before the
 * fan-out, and everything published in one turn leaves in one write.
 */
export const afterTurn: Schedule = (run) => {
  const { setImmediate } = globalThis as { setImmediate?: Schedule };
  if (setImmediate) setImmediate(run);
  else startTimeout(run, 0);
};

/** Still in this turn, after the code that runs now. */
export const inTurn: Schedule = (run) => {
  queueMicrotask(run);
};
