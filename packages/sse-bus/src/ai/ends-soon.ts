import { settlesWithin } from "../core/timers.ts";

/** An instance that has not stopped its answer by then is paused, or cut off. */
const MAX_STOP_MS = 10_000;

/**
 * Reads a stream that is being stopped. Its instance may have ended, too: then that is its end.
 *
 * @returns whether it has ended in time
 */
export async function endsSoon(body: ReadableStream<Uint8Array>): Promise<boolean> {
  const abort = new AbortController();
  const read = body.pipeTo(new WritableStream(), { signal: abort.signal }).catch(() => {});
  const isOver = await settlesWithin(read, MAX_STOP_MS);
  abort.abort();
  return isOver;
}
