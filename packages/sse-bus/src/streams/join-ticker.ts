import { createLazyTimer } from "../core/timers.ts";

/**
 * Appends what waits at the same moments for all streams: their messages travel together, which costs the
 * process and the backend much less than one at a time.
 */
export interface JoinTicker {
  /** Calls `flush` once, at the next moment. */
  add(flush: () => void): void;
  delete(flush: () => void): void;
}

export function createJoinTicker(periodMs: number): JoinTicker {
  let waiting = new Set<() => void>();
  const timer = createLazyTimer(() => {
    const all = waiting;
    waiting = new Set();
    for (const flush of all) flush();
  });
  return {
    add(flush) {
      if (waiting.size === 0) timer.start(periodMs);
      waiting.add(flush);
    },
    delete(flush) {
      if (waiting.delete(flush) && waiting.size === 0) timer.stop();
    },
  };
}
