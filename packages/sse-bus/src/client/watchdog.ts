/** Barks when nothing was heard for a time. */
export interface Watchdog {
  /** Something was heard. */
  heard(): void;
  /** Looks now: a page in the background may have its timers held back for a minute. */
  check(): void;
  /** From now on, silence may last this long. */
  limit(limitMs: number): void;
  stop(): void;
}

/**
 * Calls `onSilence` once when nothing was heard for `limitMs`.
 *
 * Goes by the clock on the wall and looks every few seconds: timers stand still while a computer
 * sleeps, and after it woke a single long one would leave a dead line "open" for the rest of its time.
 */
export function createWatchdog(limitMs: number, onSilence: () => void): Watchdog {
  let last = Date.now();
  let timer: ReturnType<typeof setTimeout> | undefined;

  const check = (): void => {
    if (!limitMs) return;
    clearTimeout(timer);
    const now = Date.now();
    if (now < last) last = now; // The clock was set back.
    const leftMs = last + limitMs - now;
    if (leftMs > 0) {
      timer = setTimeout(check, Math.min(leftMs, 5_000));
    } else {
      limitMs = 0;
      onSilence();
    }
  };
  const watchdog: Watchdog = {
    heard() {
      last = Date.now();
    },
    check,
    limit(newLimitMs) {
      limitMs = newLimitMs;
      check();
    },
    stop() {
      limitMs = 0;
      clearTimeout(timer);
    },
  };
  check();
  return watchdog;
}
