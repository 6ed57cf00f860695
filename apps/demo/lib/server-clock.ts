/** Older samples are dropped, because clocks drift by some ms per minute. */
const sampleMs = 120_000;
const maxSamples = 64;

/** The server's clock, as a page can estimate it. */
export interface ServerClock {
  /** Adds a sample: the server's time on a message that has just arrived. */
  observe(serverTime: number): void;
  /** Sets the estimate to use until the first sample. */
  assume(serverTime: number): void;
  /** The estimated server time now, in ms since 1970. */
  now(): number;
}

/**
 * Estimates the server's clock from the times of its messages. Each arrives late, never early, so the
 * fastest message of the last two minutes gives the best estimate. Uses the page's monotonic clock,
 * because the system clock may be wrong or change.
 *
 * @param local a monotonic clock in ms
 */
export function createServerClock(local: () => number = () => performance.now()): ServerClock {
  let assumed: number | undefined;
  let samples: { offset: number; takenAt: number }[] = [];

  return {
    observe(serverTime) {
      const takenAt = local();
      samples = samples.filter((sample) => takenAt - sample.takenAt < sampleMs).slice(-maxSamples);
      samples.push({ offset: serverTime - takenAt, takenAt });
    },
    assume(serverTime) {
      assumed = serverTime - local();
    },
    now() {
      if (samples.length > 0) return local() + Math.max(...samples.map(({ offset }) => offset));
      return assumed === undefined ? Date.now() : local() + assumed;
    },
  };
}

/** The page's estimate, from all its channels. */
export const serverClock = createServerClock();
