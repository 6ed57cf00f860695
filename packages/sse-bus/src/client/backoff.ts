/** How long to wait between attempts. */
export interface BackoffOptions {
  /** The longest wait before the first attempt after a loss. @default 1_000 */
  readonly baseMs?: number;
  /** The longest wait before any attempt. @default 30_000 */
  readonly maxMs?: number;
}

/**
 * The wait before an attempt: what the server asks for, plus full jitter, uniform in
 * 0 … min(maxMs, baseMs · 2^attempt). Without jitter, all clients of a server that restarts would reconnect
 * at the same moment.
 *
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function backoffMs(attempt: number, floorMs: number, options: BackoffOptions = {}): number {
  const { baseMs = 1_000, maxMs = 30_000 } = options;
  return Math.max(0, floorMs) + Math.random() * Math.min(maxMs, baseMs * 2 ** attempt);
}
