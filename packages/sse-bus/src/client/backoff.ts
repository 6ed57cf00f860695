/** How long to wait between attempts. */
export interface BackoffOptions {
  /** The longest wait before the first attempt after a loss. @default 1_000 */
  readonly baseMs?: number;
  /** The longest wait before any attempt. @default 30_000 */
  readonly maxMs?: number;
}

/**
 * The longest wait that a server can ask for: five minutes. Without a limit, a mistake in a proxy, such as
 * `Retry-After: 86400`, would stop a page for a day.
 */
const MAX_SERVER_WAIT_MS = 300_000;

/** The wait for a server that asks for `ms`. Undefined if that is no valid time. */
export function serverWaitMs(ms: unknown): number | undefined {
  return typeof ms === "number" && ms >= 0 ? Math.min(ms, MAX_SERVER_WAIT_MS) : undefined;
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
  return floorMs + Math.random() * Math.min(maxMs, baseMs * 2 ** attempt);
}
