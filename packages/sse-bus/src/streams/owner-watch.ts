import type { InstanceTable } from "../core/instances/instance-table.ts";
import { createLazyTimer } from "../core/timers.ts";

/** Notices that the instance of a run has gone, so that those who read the run get an error. */
export interface OwnerWatch {
  /**
   * Watches the owner of a run. Once it was absent for a while, `onLost` is called again and again, with its id.
   *
   * @returns ends the watch; idempotent
   */
  add(watched: WatchedRun): () => void;
}

export interface WatchedRun {
  /** The instance that runs the source; undefined if that is unknown. */
  readonly owner: () => string | undefined;
  readonly onLost: (owner: string | undefined) => void;
  readonly onPresent?: () => void;
}

/**
 * Part of a lease that an instance is absent before its runs are lost: after an outage of the backend it
 * continues with another id, and publishes that.
 */
const GRACE = 0.5;
const CHECKS_PER_LEASE = 5;

/** @param isUsed called when the first run is watched, and when none is any more */
export function createOwnerWatch(
  table: InstanceTable,
  isUsed: (isUsed: boolean) => void,
): OwnerWatch {
  const watched = new Map<WatchedRun, { owner: string | undefined; since: number } | undefined>();
  const timer = createLazyTimer(check);

  function check(): void {
    const now = performance.now();
    for (const [run, absence] of watched) {
      const owner = run.owner();
      if (owner !== undefined && (owner === table.id || table.live().has(owner))) {
        watched.set(run, undefined);
        if (isPresent(table, owner)) run.onPresent?.();
      } else if (!absence || absence.owner !== owner) watched.set(run, { owner, since: now });
      else if (now - absence.since >= table.leaseMs * GRACE) run.onLost(owner);
    }
    if (watched.size > 0) timer.start(table.leaseMs / CHECKS_PER_LEASE);
  }

  // An instance that has gone is noticed with the message that says so, not with the next check.
  table.onGone(() => {
    if (watched.size > 0) check();
  });

  return {
    add(run) {
      watched.set(run, undefined);
      if (watched.size === 1) {
        isUsed(true);
        timer.start(0);
      }
      return () => {
        if (!watched.delete(run) || watched.size > 0) return;
        timer.stop();
        isUsed(false);
      };
    },
  };
}

/**
 * Whether an instance was alive within the last lease. One that has gone still counts as live for the log, as
 * long as no instance publishes a lease.
 */
export function isPresent(table: InstanceTable, instance: string): boolean {
  const peer = table.live().get(instance);
  return instance === table.id || (!!peer && table.now() - peer.seenAt < peer.leaseMs);
}
