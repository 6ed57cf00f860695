/** Collects what has changed and flushes it once, when `schedule` says. */
export interface Flusher<Item> {
  /** How many `add` calls have not been flushed yet. */
  pending(): number;
  add(item: Item): void;
  /** Flushes now what has been added. */
  flush(): void;
  /** Resolves after the next flush, at once if nothing waits for one. */
  flushed(): Promise<void>;
}

/** Runs a function later: after the current turn of the event loop, or still in it. */
export type Schedule = (run: () => void) => void;

export function createFlusher<Item>(
  schedule: Schedule,
  flushItem: (item: Item) => void,
  afterFlush: () => void,
): Flusher<Item> {
  let dirty = new Set<Item>();
  let spare = new Set<Item>();
  let isScheduled = false;
  let pending = 0;
  let waiting: (() => void)[] = [];

  function run(): void {
    isScheduled = false;
    pending = 0;
    const items = dirty;
    dirty = spare;
    // An item added while flushing waits for the next run, so that a flush always ends.
    for (const item of items) flushItem(item);
    items.clear();
    spare = items;
    afterFlush();
    const resolved = waiting;
    waiting = [];
    for (const resolve of resolved) resolve();
  }

  return {
    pending: () => pending,
    add(item) {
      pending++;
      dirty.add(item);
      if (isScheduled) return;
      isScheduled = true;
      schedule(run);
    },
    flush() {
      if (dirty.size > 0) run();
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
  else setTimeout(run, 0);
};

/** Still in this turn, after the code that runs now. */
export const inTurn: Schedule = (run) => {
  queueMicrotask(run);
};
