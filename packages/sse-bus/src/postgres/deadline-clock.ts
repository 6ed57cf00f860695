/**
 * The server's clock, as far as its answers tell, for deadlines that the server checks. This
 * process's clock may be wrong, and may jump at any time.
 */
export interface DeadlineClock {
  /** Monotonic time of this process, in ms. */
  now(): number;
  /** The server answered that it is `serverMs`, at some moment between two of {@link now}. */
  sample(serverMs: number, sentMs: number, receivedMs: number): void;
  /** The server's time in `ms` ms, or a little less, as text: the server refuses later statements. */
  in(ms: number): string;
}

const MAX_ROUND_TRIP_MS = 1000;

export function createDeadlineClock(now = (): number => performance.now()): DeadlineClock {
  let offsetMs: number | undefined;
  return {
    now,
    sample(serverMs, sentMs, receivedMs) {
      // Assume that the server answered just now. Assuming the middle of the round trip would move
      // deadlines into the future when a statement waited for a connection. The server could then
      // still store a message after its publisher got an error.
      const least = serverMs - receivedMs;
      const isSlow = receivedMs - sentMs > MAX_ROUND_TRIP_MS;
      // A slow answer says little, unless the current offset is from an even slower one.
      if (offsetMs === undefined || !isSlow || least > offsetMs) offsetMs = least;
    },
    in: (ms) => String(Math.floor(now() + (offsetMs ?? Date.now() - now()) + ms)),
  };
}
