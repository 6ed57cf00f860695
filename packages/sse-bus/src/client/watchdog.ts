import { MAX_TIMER_MS, startTimeout } from "../core/timers.ts";

/** Notices silence. */
export interface Watchdog {
  /** Starts the watch again: silence may last this long from now on. 0 ends the watch. */
  readonly expect: (limitMs: number) => void;
  /** Checks now: browsers delay the timers of a page in the background by up to a minute. */
  readonly check: () => void;
}

/**
 * Calls `onSilence` once when `expect` was not called again in time.
 *
 * Timers stop while a computer sleeps. With one long timer, a dead stream would stay "open" for the
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

/** How many heartbeats may be late before a stream counts as dead. */
const SILENT_HEARTBEATS = 2.5;

/** The heartbeat of a server that names none: that of the protocol. */
const HEARTBEAT_MS = 15_000;

/** With a shorter limit, a client would reconnect at every delay of the network. */
const MIN_SILENCE_MS = 100;

/**
 * How long a stream may be silent, by the `heartbeatMs` of its `hello`. An invalid value counts as the
 * protocol's 15 s: without a limit, a dead connection would stay open forever.
 */
export function silenceLimitMs(heartbeatMs: unknown): number {
  const ms = typeof heartbeatMs === "number" && heartbeatMs > 0 ? heartbeatMs : HEARTBEAT_MS;
  return Math.min(Math.max(ms * SILENT_HEARTBEATS, MIN_SILENCE_MS), MAX_TIMER_MS);
}
