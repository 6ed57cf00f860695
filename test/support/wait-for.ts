export interface WaitOptions {
  /** When to give up: more than a busy machine needs, less than a test may take. @default 15_000 */
  readonly timeoutMs?: number;
  /** @default 20 for a second, then 100: each look costs time of a page or a server */
  readonly everyMs?: number;
}

/**
 * Polls `probe` until it returns something truthy and resolves to that; `probe` may throw while it
 * is not yet true. For conditions that no event announces; where there is an event, await it.
 *
 * @throws Error that names `what` was awaited, with the probe's last error as `cause`.
 *
 * @example
 * await waitFor("no connection to be counted", async () => (await health(url)).connections === 0);
 */
export async function waitFor<T>(
  what: string,
  probe: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<NonNullable<T>> {
  const { timeoutMs = 15_000, everyMs } = options;
  const since = performance.now();
  const deadline = since + timeoutMs;
  for (;;) {
    let last: T | undefined;
    let cause: unknown;
    try {
      last = await probe();
      if (last) return last;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= deadline) {
      const seen =
        cause === undefined
          ? `last seen: ${String(last)}`
          : `last error: ${(cause as Error).message}`;
      throw new Error(`Waited ${timeoutMs} ms for ${what} (${seen})`, { cause });
    }
    const pauseMs = everyMs ?? (performance.now() - since < 1_000 ? 20 : 100);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
