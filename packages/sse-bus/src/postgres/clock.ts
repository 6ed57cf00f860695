/** The server's clock, as last seen. This process's own may be wrong, and may step at any time. */
export interface Clock {
  /** A moment of this process, in ms since some other one; it never steps. */
  now(): number;
  /** The server said it was `serverMs` at some moment between two of this process. */
  sample(serverMs: number, sentMs: number, receivedMs: number): void;
  /** The server's time `ms` from now, or a little less, as text. After it the server refuses a late statement. */
  in(ms: number): string;
}

const MAX_ROUND_TRIP_MS = 1000;

export function createClock(now = (): number => performance.now()): Clock {
  let offsetMs: number | undefined;
  return {
    now,
    sample(serverMs, sentMs, receivedMs) {
      // As if it had been given just now. Were it taken for given half-way, a question that waited
      // for a connection would put deadlines off, and what was told to have failed might be stored.
      const least = serverMs - receivedMs;
      const isSlow = receivedMs - sentMs > MAX_ROUND_TRIP_MS;
      // An answer that took long tells little, unless what is known is from one that took longer.
      if (offsetMs === undefined || !isSlow || least > offsetMs) offsetMs = least;
    },
    in: (ms) => String(Math.floor(now() + (offsetMs ?? Date.now() - now()) + ms)),
  };
}
