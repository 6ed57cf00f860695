import { createLazyTimer } from "../timers.ts";
import type { InstanceTable } from "./instance-table.ts";

/** Keeps this instance's lease while a feature needs it. */
export interface LeaseHold {
  /** The feature needs the lease, or does not any more. */
  set(isNeeded: boolean): void;
  /** Does not give up the lease later. Idempotent. */
  stop(): void;
}

/** @param lingerMs how long the lease stays after the need: to join and to leave costs messages */
export function createLeaseHold(table: InstanceTable, lingerMs: number): LeaseHold {
  let leave: (() => void) | undefined;
  const linger = createLazyTimer(() => {
    leave?.();
    leave = undefined;
  });
  return {
    set(isNeeded) {
      if (isNeeded) {
        linger.stop();
        leave ??= table.join();
      } else if (leave) linger.start(lingerMs);
    },
    stop: linger.stop,
  };
}
