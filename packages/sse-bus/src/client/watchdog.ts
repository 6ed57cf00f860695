import { startTimeout } from "../core/timers.ts";

/** Notices silence. */
export interface Watchdog {
  /** Starts the watch again: silence may last this long from now on. 0 ends the watch. */
  readonly expect: (limitMs: number) => void;
  /** Looks now: the timers of a page in the background are held back for up to a minute. */
  readonly check: () => void;
}

/**
 * Calls `onSilence` once when `expect` was not called again in time.
 *
 * Timers stand still while a computer sleeps; one long timer would leave a dead stream "open" for the
 * rest of its time after waking. So the watchdog compares wall-clock times, every few seconds.
 */
export function createWatchdog(onSilence: () => void): Watchdog {
  let limitMs = 0;
  let heardAt = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const check = (): void => {
    clearTimeout(timer);
    if (!limitMs) return;
    const leftMs = limitMs - Math.abs(Date.now() - heardAt);
    if (leftMs > 0) {
      timer = startTimeout(check, Math.min(leftMs, 5_000));
    } else {
      limitMs = 0;
      onSilence();
    }
  };
  return {
    expect(newLimitMs) {
      limitMs = newLimitMs;
      heardAt = Date.now();
      check();
    },
    check,
  };
}
