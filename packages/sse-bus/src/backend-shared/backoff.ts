/** The waits between attempts to reach a server. */
export interface Backoff {
  /** The wait before the next attempt, in ms. Each one may be twice as long as the one before. */
  nextMs(): number;
  /** An attempt succeeded: start again with the shortest wait. */
  reset(): void;
}

export interface BackoffLimits {
  readonly minMs: number;
  readonly maxMs: number;
}

/**
 * Half of each wait is random. Without it, all instances that lost the same server would reconnect
 * at the same moment.
 */
export function createBackoff({ minMs, maxMs }: BackoffLimits): Backoff {
  let failures = 0;
  return {
    nextMs: () => Math.min(maxMs, minMs * 2 ** failures++) * (0.5 + Math.random() / 2),
    reset: () => void (failures = 0),
  };
}
