interface PaceOptions {
  /** Aborts the read. */
  signal: AbortSignal;
  /** The time before the pace is checked, in ms. @default 5000 */
  graceMs?: number;
  /** @default 64_000 */
  minBytesPerSecond?: number;
  /** @default 180_000 */
  maxMs?: number;
}

/**
 * Reads a body that arrives fast enough. Otherwise a client that sends one byte at a time could occupy
 * an upload slot without end.
 *
 * @throws the signal's reason, or an Error when the body is too slow
 */
export async function* readAtPace(
  body: ReadableStream<Uint8Array>,
  { signal, graceMs = 5_000, minBytesPerSecond = 64_000, maxMs = 180_000 }: PaceOptions,
): AsyncGenerator<Uint8Array, void> {
  const reader = body.getReader();
  const startedAt = performance.now();
  let received = 0;
  let failure: unknown;

  function stop(reason: unknown): void {
    failure ??= reason;
    reader.cancel(reason).catch(() => {});
  }
  function check(): void {
    const ms = performance.now() - startedAt;
    const isSlow = ms > graceMs && (received * 1_000) / ms < minBytesPerSecond;
    if (isSlow) stop(new Error(`Too slow: less than ${minBytesPerSecond / 1_000} kB a second.`));
    if (ms > maxMs) stop(new Error(`It took longer than ${maxMs / 1_000} s.`));
  }
  const onAbort = (): void => stop(signal.reason);
  const timer = setInterval(check, Math.min(1_000, graceMs)).unref();
  signal.addEventListener("abort", onAbort);
  try {
    signal.throwIfAborted();
    for (;;) {
      const { value, done } = await reader.read();
      if (failure !== undefined) throw failure;
      if (done) return;
      received += value.length;
      yield value;
    }
  } finally {
    clearInterval(timer);
    signal.removeEventListener("abort", onAbort);
    reader.cancel().catch(() => {});
  }
}
