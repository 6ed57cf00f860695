/** The server's clock, as last seen. */
export interface Clock {
  /** The server said it was `serverMs` at some moment between two of this process. */
  sample(serverMs: number, sentMs: number, receivedMs: number): void;
  /** The server's time `ms` from now, as text. After it the server refuses a late statement. */
  in(ms: number): string;
}

const MAX_ROUND_TRIP_MS = 1000;

export function createClock(): Clock {
  let offsetMs: number | undefined;
  return {
    sample(serverMs, sentMs, receivedMs) {
      // An answer that took long tells little of when it was given.
      if (offsetMs !== undefined && receivedMs - sentMs > MAX_ROUND_TRIP_MS) return;
      offsetMs = serverMs - (sentMs + receivedMs) / 2;
    },
    in: (ms) => String(Math.round(Date.now() + (offsetMs ?? 0) + ms)),
  };
}
