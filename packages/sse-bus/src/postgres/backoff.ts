const FIRST_MS = 50;
const MAX_MS = 2000;

/** Waits between attempts: doubling, with jitter, so that many processes do not come as one. */
export interface Backoff {
  nextMs(): number;
  reset(): void;
}

export function createBackoff(): Backoff {
  let attempts = 0;
  return {
    nextMs: () => Math.min(MAX_MS, FIRST_MS * 2 ** attempts++) * (0.5 + Math.random() / 2),
    reset: () => void (attempts = 0),
  };
}
