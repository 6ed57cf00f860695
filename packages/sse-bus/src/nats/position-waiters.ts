import { startTimeout } from "../core/timers.ts";

/** Callers that wait until the head reaches a position. */
export interface PositionWaiters {
  /** Resolves with `true` when the head reaches `seq`, with `false` after `timeoutMs`. */
  wait(seq: number, timeoutMs: number): Promise<boolean>;
  /** The head is at `seq` now. */
  headMoved(seq: number): void;
  /** Resolves all waits with `false`. */
  cancelAll(): void;
}

interface Waiter {
  readonly seq: number;
  settle(isReached: boolean): void;
}

export function createPositionWaiters(): PositionWaiters {
  const waiters = new Set<Waiter>();
  /** The oldest position waited for, so that most deliveries need no loop. */
  let oldest = Number.POSITIVE_INFINITY;

  return {
    wait: (seq, timeoutMs) =>
      new Promise((resolve) => {
        const timer = startTimeout(() => waiter.settle(false), timeoutMs);
        const waiter: Waiter = {
          seq,
          settle(isReached) {
            clearTimeout(timer);
            waiters.delete(waiter);
            resolve(isReached);
          },
        };
        waiters.add(waiter);
        oldest = Math.min(oldest, seq);
      }),
    headMoved(seq) {
      if (seq < oldest) return;
      oldest = Number.POSITIVE_INFINITY;
      for (const waiter of waiters) {
        if (waiter.seq <= seq) waiter.settle(true);
        else oldest = Math.min(oldest, waiter.seq);
      }
    },
    cancelAll() {
      for (const waiter of waiters) waiter.settle(false);
      oldest = Number.POSITIVE_INFINITY;
    },
  };
}
