import { MAX_TIMER_MS } from "../core/timers.ts";

// Taken when this module is loaded, as a test's fake timers would hold up the limits of the test itself.
const { setTimeout, clearTimeout } = globalThis;

/** Rejects with what `why` says if the promise has not settled within `timeoutMs` of real time. */
export async function inTime<T>(
  promise: PromiseLike<T>,
  timeoutMs: number,
  why: () => string,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(why())), Math.min(timeoutMs, MAX_TIMER_MS));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
