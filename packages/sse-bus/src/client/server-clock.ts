import { timeOf } from "./cursor.ts";
import type { FrameMessage } from "./protocol.ts";

/** The server's clock, as a page can know it. */
export interface PageServerClock {
  /** The server's time now, in ms since 1970. Before the first frame: the page's own. */
  now(): number;
  onFrame(frame: FrameMessage): void;
}

/** Older samples do not count, because clocks drift by some ms a minute. */
const WINDOW_MS = 60_000;

/** A difference between the page's clocks that is no drift: the device slept, or its clock was set. */
const JUMP_MS = 2_000;

/** @see https://tc39.es/ecma262/#sec-time-values-and-time-range */
const MAX_TIME = 8.64e15;

/**
 * Estimates the server's clock from the times of its messages and heartbeats. They arrive late, never
 * early, so of the last one to two minutes the fastest one decides.
 *
 * It counts with the monotonic clock, because the system's clock may be wrong, and may be set. While a device
 * sleeps, the monotonic clock stops in some browsers. Until the next frame, the system's clock is then more exact.
 *
 * @see https://www.w3.org/TR/hr-time-3/#dfn-unsafe-current-time
 */
export function createPageServerClock(): PageServerClock {
  /** The server's time minus the page's, at best, in this window and in the one before. */
  let offset = -Infinity;
  let offsetBefore = -Infinity;
  let windowStart = performance.now();
  let skew = Date.now() - windowStart;
  /** What counts until the next frame. */
  let assumed: number | undefined;

  const known = (): number | undefined => {
    const best = Math.max(offset, offsetBefore);
    return best > -Infinity ? best : assumed;
  };

  const checkSleep = (): void => {
    const jump = Date.now() - performance.now() - skew;
    if (Math.abs(jump) < JUMP_MS) return;
    skew += jump;
    const last = known();
    if (last === undefined || jump < 0) return;
    assumed = last + jump;
    offset = offsetBefore = -Infinity;
  };

  return {
    now() {
      checkSleep();
      return performance.now() + (known() ?? skew);
    },
    onFrame(frame) {
      checkSleep();
      const time = timeOfFrame(frame);
      if (time === undefined) return;
      const local = performance.now();
      if (local - windowStart > WINDOW_MS) {
        offsetBefore = local - windowStart > 2 * WINDOW_MS ? -Infinity : offset;
        offset = -Infinity;
        windowStart = local;
      }
      offset = Math.max(offset, time - local);
    },
  };
}

/** The server's time when it sent the frame, or a little earlier. */
function timeOfFrame({ event, cursor, data }: FrameMessage): number | undefined {
  let time: unknown = timeOf(cursor);
  try {
    // The cursor of a heartbeat may be old.
    if (event === "ping") ({ time } = JSON.parse(data));
  } catch {} // Then the cursor’s time counts.
  // A page could not make a date of any other.
  return typeof time === "number" && Math.abs(time) <= MAX_TIME ? time : undefined;
}
