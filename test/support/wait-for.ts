export interface WaitOptions {
  /** When to give up: more than a busy machine needs, less than a test may take. @default 15_000 */
  readonly timeoutMs?: number;
  /** @default 20 */
  readonly everyMs?: number;
}

/**
 * Polls `probe` until it gives something truthy and resolves to that; `probe` may throw while it
 * is not yet true. For conditions that no event announces; where there is an event, await it.
 *
 * @throws Error naming `what` was awaited, with the probe's last error as `cause`.
 *
 * @example
 * await waitFor("the connection to be counted off", async () => (await health(url)).connections === 0);
 */
export async function waitFor<T>(
  what: string,
  probe: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<NonNullable<T>> {
  const { timeoutMs = 15_000, everyMs = 20 } = options;
  const deadline = performance.now() + timeoutMs;
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
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
