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

/** The same timer, without keeping the process alive. */
export function inBackground(timer: ReturnType<typeof setTimeout>): ReturnType<typeof setTimeout> {
  // Timers are numbers outside of Node.js.
  (timer as { unref?: () => void }).unref?.();
  return timer;
}

/** One wait at a time, which does not keep the process alive. */
export interface LazyTimer {
  /** Starts the wait again; it calls `run` when it ends. */
  start(ms: number): void;
  stop(): void;
}

export function createLazyTimer(run: () => void): LazyTimer {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    start(ms) {
      clearTimeout(timer);
      timer = inBackground(startTimeout(run, Math.max(0, ms)));
    },
    stop() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}

/**
 * Whether a promise settles within `ms`. Nothing cancels the work behind it, and the wait does not keep the
 * process alive.
 */
export async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = inBackground(startTimeout(() => resolve(false), ms));
    const settled = (): void => {
      clearTimeout(timer);
      resolve(true);
    };
    promise.then(settled, settled);
  });
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
