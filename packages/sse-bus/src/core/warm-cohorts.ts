import type { Cohort } from "./cohort.ts";
import { createLazyTimer } from "./timers.ts";

/**
 * Cohorts that keep their windows for a while without a reader. A client that polls returns within that time: without
 * this, each of its requests would subscribe upstream, and read the history, again.
 */
export interface WarmCohorts {
  has(cohort: Cohort): boolean;
  /** Keeps it from now on for {@link WARM_MS}. */
  keep(cohort: Cohort): void;
  /** Forgets all, releases none, and keeps no more. Idempotent. */
  close(): void;
}

export const WARM_MS = 5000;

/** The one that was kept first is released before there are more. */
const MAX_WARM = 1000;

/** @param release Frees the cohort if it has no readers. */
export function createWarmCohorts(release: (cohort: Cohort) => void): WarmCohorts {
  /** When each is released; the first one is the next. */
  const until = new Map<Cohort, number>();
  const timer = createLazyTimer(releaseDue);
  let isClosed = false;

  function releaseDue(): void {
    const now = performance.now();
    for (const [cohort, at] of until) {
      if (at > now) {
        timer.start(at - now);
        return;
      }
      drop(cohort);
    }
  }

  function drop(cohort: Cohort): void {
    until.delete(cohort);
    release(cohort);
  }

  return {
    has: (cohort) => until.has(cohort),
    keep(cohort) {
      // A page that the closing bus ends.
      if (isClosed) return;
      until.delete(cohort);
      until.set(cohort, performance.now() + WARM_MS);
      if (until.size === 1) timer.start(WARM_MS);
      const [first] = until.keys();
      if (first && until.size > MAX_WARM) drop(first);
    },
    close() {
      isClosed = true;
      until.clear();
      timer.stop();
    },
  };
}
