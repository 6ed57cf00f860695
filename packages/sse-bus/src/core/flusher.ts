import { startTimeout } from "./timers.ts";

/** Collects changed items, and flushes each of them once per scheduled run. */
export interface Flusher<Item> {
  /** How many `add` calls have not been flushed yet. */
  pending(): number;
  add(item: Item): void;
  /**
   * Flushes all added items now. During a flush it does nothing, because the next flush is already scheduled.
   */
  flush(): void;
  /** Resolves after the next flush, or immediately if no item is waiting. */
  flushed(): Promise<void>;
}

/** Runs a function later, in this turn of the event loop or in another one. */
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
    // An item that is added during a flush waits for the next run, so that every flush ends.
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
      // Items are left only if a flush threw, which is a bug. The next run flushes them.
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
 * Runs after the current turn, behind I/O that is ready. The response to a publisher is sent before the
 * fan-out, and all messages that are published in one turn are delivered in one write.
 */
export const afterTurn: Schedule = (run) => {
  const { setImmediate } = globalThis as { setImmediate?: Schedule };
  if (setImmediate) setImmediate(run);
  else startTimeout(run, 0);
};

/** Runs in the current turn, after the code that is running now. */
export const inTurn: Schedule = (run) => {
  queueMicrotask(run);
};
