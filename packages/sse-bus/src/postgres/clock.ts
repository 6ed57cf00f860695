/** The server's clock, as last seen. */
export interface Clock {
  /** The server said it was `serverMs` at some moment between two of this process. */
  sample(serverMs: number, sentMs: number, receivedMs: number): void;
  /** The server's time `ms` from now, as text. After it the server refuses a late statement. */
  in(ms: number): string;
}

export function createClock(): Clock {
  let offsetMs = 0;
  return {
    sample(serverMs, sentMs, receivedMs) {
      offsetMs = serverMs - (sentMs + receivedMs) / 2;
    },
    in: (ms) => String(Math.round(Date.now() + offsetMs + ms)),
  };
}
