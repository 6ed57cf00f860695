import { startTimeout } from "../core/timers.ts";

/** `expect(ms)`: something was heard, and silence may last so long from now; 0 ends the watch. */
export type Watchdog = [expect: (limitMs: number) => void, check: () => void];

/**
 * Calls `onSilence` once when nothing was heard for as long as expected.
 *
 * Goes by the clock on the wall and looks every few seconds: timers stand still while a computer
 * sleeps, and after it woke a single long one would leave a dead line "open" for the rest of its
 * time. `check` looks now: a page in the background has its timers held back for up to a minute.
 */
export function createWatchdog(onSilence: () => void): Watchdog {
  let limitMs = 0;
  let last = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const check = (): void => {
    clearTimeout(timer);
    if (!limitMs) return;
    const leftMs = limitMs - Math.abs(Date.now() - last);
    if (leftMs > 0) {
      timer = startTimeout(check, Math.min(leftMs, 5_000));
    } else {
      limitMs = 0;
      onSilence();
    }
  };
  return [
    (newLimitMs) => {
      limitMs = newLimitMs;
      last = Date.now();
      check();
    },
    check,
  ];
}
