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
  /** By `performance.now()`. */
  readonly deadline: number;
  resolve(isReached: boolean): void;
}

export function createPositionWaiters(): PositionWaiters {
  /**
   * By position: every publish waits for a while, so each delivery must find its own without a look at the others.
   * Positions are assigned in order, so that new waiters nearly always go to the end.
   */
  let waiters: Waiter[] = [];
  /** One for all, because each publish would start and stop one of its own. */
  let timer: ReturnType<typeof setTimeout> | undefined;

  function startTimer(): void {
    if (timer !== undefined || waiters.length === 0) return;
    const next = waiters.reduce((least, { deadline }) => Math.min(least, deadline), Infinity);
    timer = startTimeout(
      () => {
        timer = undefined;
        const now = performance.now();
        const late = waiters.filter(({ deadline }) => deadline <= now);
        waiters = waiters.filter(({ deadline }) => deadline > now);
        for (const { resolve } of late) resolve(false);
        startTimer();
      },
      Math.max(1, next - performance.now()),
    );
  }

  return {
    wait: (seq, timeoutMs) =>
      new Promise((resolve) => {
        const waiter: Waiter = { seq, deadline: performance.now() + timeoutMs, resolve };
        let place = waiters.length;
        while (place > 0 && (waiters[place - 1] as Waiter).seq > seq) place--;
        waiters.splice(place, 0, waiter);
        startTimer();
      }),
    headMoved(seq) {
      while (waiters[0] && waiters[0].seq <= seq) waiters.shift()?.resolve(true);
    },
    cancelAll() {
      clearTimeout(timer);
      timer = undefined;
      for (const { resolve } of waiters.splice(0)) resolve(false);
    },
  };
}
