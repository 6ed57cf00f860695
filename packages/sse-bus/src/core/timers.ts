/**
 * The longest wait of a timer, in ms (about 25 days): what is longer, `Infinity` too, would fire after
 * 1 ms.
 *
 * @see https://nodejs.org/api/timers.html#settimeoutcallback-delay-args
 * @see https://html.spec.whatwg.org/multipage/timers-and-user-prompts.html#timer-initialisation-steps
 */
export const MAX_TIMER_MS: number = 2_147_483_647;

/** `setTimeout`, but a wait that is too long for it is the longest one there is. */
export function startTimeout(run: (_: void) => void, ms: number): ReturnType<typeof setTimeout> {
  return setTimeout(run, clampMs(ms));
}

/** `setInterval`, but a period that is too long for it is the longest one there is. */
export function startInterval(run: () => void, ms: number): ReturnType<typeof setInterval> {
  return setInterval(run, clampMs(ms));
}

/**
 * The outcome of `promise`, or a rejection with `onTimeout()` if it does not settle within `ms`.
 * Nothing cancels the work behind `promise`: a later outcome is ignored.
 */
export async function withTimeout<T>(
  promise: PromiseLike<T>,
  ms: number,
  onTimeout: () => Error,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = startTimeout(() => reject(onTimeout()), ms);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** NaN is what `Infinity` may have become on the way here. */
function clampMs(ms: number): number {
  return ms < MAX_TIMER_MS ? ms : MAX_TIMER_MS;
}
