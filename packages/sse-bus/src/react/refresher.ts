import { startTimeout } from "../core/timers.ts";

/** Decides when to call a function that loads data again. */
export interface Refresher {
  /** The data may have changed: calls `refresh` as soon as it may. */
  readonly request: () => void;
  /** What held up a call may have ended: calls `refresh` if a call is due. */
  readonly check: () => void;
  /** Makes no further call before the next `request` or `check`. Idempotent. */
  readonly stop: () => void;
}

/** Options of {@link createRefresher}. */
export interface RefresherOptions {
  /** Its data must be newer than the call. If it returns a promise, the next call waits for that. */
  readonly refresh: () => unknown;
  /** The shortest time from the start of a call to the start of the next one, in ms. */
  readonly windowMs: () => number;
  /** While this returns `true`, no call starts; `check` when it has changed. */
  readonly isHeld: () => boolean;
  /** Gets the errors of `refresh`. Must not throw. */
  readonly onError: (error: unknown) => void;
}

/** A call that takes longer, in ms, does not hold up the next one: its promise may never settle. */
export const MAX_REFRESH_MS = 30_000;

/**
 * Calls `refresh` after requests: the first one at once, those of the same window together at its end. After
 * the last request, one call always starts, at the latest when the window has passed, the call that runs has
 * ended, and nothing holds it up.
 *
 * A call that fails, or that `stop` interrupts, is due again, but starts with the next `request` or `check`
 * only: a server that cannot answer gets no more calls by itself.
 */
export function createRefresher({
  refresh,
  windowMs,
  isHeld,
  onError,
}: RefresherOptions): Refresher {
  let isDue = false;
  let isStopped = false;
  /** The last call has not succeeded yet. */
  let isUnfinished = false;
  let running: object | undefined;
  let limit: Timer;
  /** The end of the window, or of this turn: messages that arrive together need one call. */
  let timer: Timer;

  const isReady = (): boolean => isDue && !isStopped && !running && !isHeld();

  const schedule = (): void => {
    if (isReady()) timer ??= startTimeout(tick, 0);
  };

  const tick = (): void => {
    timer = undefined;
    if (isReady()) start();
  };

  const start = (): void => {
    const own = (running = {});
    isDue = false;
    isUnfinished = true;
    timer = startTimeout(tick, windowMs());
    limit = startTimeout(giveUp, MAX_REFRESH_MS);
    const end = (isSuccess: boolean): void => {
      if (running !== own) return;
      isUnfinished = !isSuccess;
      giveUp();
    };
    call(refresh).then(
      () => end(true),
      (error: unknown) => {
        onError(error);
        end(false);
      },
    );
  };

  const giveUp = (): void => {
    clearTimeout(limit);
    limit = running = undefined;
    schedule();
  };

  const resume = (): void => {
    if (running) limit ??= startTimeout(giveUp, MAX_REFRESH_MS);
    isStopped = false;
    schedule();
  };

  return {
    request() {
      isDue = true;
      resume();
    },
    check() {
      if (!running && isUnfinished) isDue = true;
      resume();
    },
    stop() {
      clearTimeout(timer);
      clearTimeout(limit);
      timer = limit = undefined;
      isStopped = true;
      // What it loads may never be shown.
      if (running) isDue = true;
    },
  };
}

type Timer = ReturnType<typeof setTimeout> | undefined;

/** A promise of the result, also if the function throws. */
async function call(run: () => unknown): Promise<unknown> {
  return run();
}
