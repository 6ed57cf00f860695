/** A sample older than this says little: clocks drift apart by some ms in a minute. */
const sampleMs = 120_000;
const maxSamples = 64;

/** The server's clock, as far as a page can know it. */
export interface ServerClock {
  /** Tells what the server's clock said on something that has just come from it. */
  observe(serverTime: number): void;
  /** What to go by until then: a server's word, whose clock need not be the log's. */
  assume(serverTime: number): void;
  /** What it says now, in ms since 1970. */
  now(): number;
}

/**
 * Reads the server's clock from the times on what it sends. Each is late by its way here, never
 * early: the one that was fastest is nearest, so the best of the last two minutes counts. The page's
 * own clock may be wrong or be set meanwhile: only its monotonic one is used.
 *
 * @param local ms from any start, never set back
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

/** The page's: whatever comes through its connection tells the time. */
export const serverClock = createServerClock();
