import type { Rpc } from "./rpc.ts";
import { startInterval } from "../core/timers.ts";

/** A worker that answers nothing for so long does not serve its clients either. */
export const MAX_STALL_S = 10;

/**
 * Asks a process every second whether it is there, and reports it once when it has not answered for
 * {@link MAX_STALL_S}. Gives a function that ends this.
 */
export function watchWorker(rpc: Rpc, onStalled: () => void): () => void {
  let missed = 0;
  let isAnswered = true;
  let isAsking = false;
  // Ticks, not the time of day: after a stop of the whole group nobody has had time to answer.
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
      // Asked again at the next tick; until then it counts as not answered.
    }
    isAsking = false;
  }

  return () => clearInterval(clock);
}
