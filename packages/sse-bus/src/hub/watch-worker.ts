import type { Rpc } from "./rpc.ts";
import { startInterval } from "../core/timers.ts";

/** A worker that does not answer for this long does not serve its clients either. */
export const MAX_STALL_S = 10;

/**
 * Pings a process every second, and calls `onStalled` once if it has not answered for {@link MAX_STALL_S}.
 *
 * @returns stops the pings
 */
export function watchWorker(rpc: Rpc, onStalled: () => void): () => void {
  let missed = 0;
  let isAnswered = true;
  let isAsking = false;
  // Ticks instead of timestamps: after a pause of the whole machine no worker has had time to answer.
  const clock = startInterval(() => {
    missed = isAnswered ? 0 : missed + 1;
    if (missed >= MAX_STALL_S) {
      clearInterval(clock);
      onStalled();
    } else if (!isAsking) void ask();
  }, 1000);
  clock.unref();

  async function ask(): Promise<void> {
    isAsking = true;
    isAnswered = false;
    try {
      await rpc.call("alive");
      isAnswered = true;
    } catch {
      // Pinged again at the next tick; until then it counts as not answered.
    }
    isAsking = false;
  }

  return () => clearInterval(clock);
}
