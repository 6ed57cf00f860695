import type { GoneHow } from "./lease-fold.ts";

/** Instances that are not alive, though the log still has something of them. */
export interface Absences {
  /** An instance has ended. */
  note(instance: string, how: GoneHow): void;
  /**
   * Since when an instance is absent, and how it ended. That is unknown where its lease was never seen; after two
   * leases, it counts as expired.
   */
  find(instance: string): Absence;
  /** An instance is alive after all. */
  delete(instance: string): void;
  /** Forgets instances that the log has nothing of any more, once they have been absent for `keepMs`. */
  prune(stillThere: ReadonlySet<string>, keepMs: number): void;
}

export interface Absence {
  /** Of `performance.now()`. */
  readonly since: number;
  readonly how: GoneHow | "unknown";
}

export interface AbsencesOptions {
  readonly leaseMs: number;
  /** Tells all instances that this one has ended, so that it takes another id if it is alive after all. */
  readonly sendEnd: (instance: string) => Promise<unknown>;
  readonly onError: (error: unknown) => void;
}

const MAX_ABSENT = 1000;

export function createAbsences({ leaseMs, sendEnd, onError }: AbsencesOptions): Absences {
  const absent = new Map<string, Absence>();

  function set(instance: string, absence: Absence): Absence {
    absent.set(instance, absence);
    if (absent.size > MAX_ABSENT) absent.delete(absent.keys().next().value as string);
    return absence;
  }

  return {
    note: (instance, how) => void set(instance, { since: performance.now(), how }),
    find(instance) {
      const now = performance.now();
      const absence = absent.get(instance) ?? set(instance, { since: now, how: "unknown" });
      if (absence.how !== "unknown" || now - absence.since < 2 * leaseMs) return absence;
      // This process may have been paused, and that instance may be alive.
      sendEnd(instance).catch(onError);
      return set(instance, { since: absence.since, how: "expired" });
    },
    delete: (instance) => void absent.delete(instance),
    prune(stillThere, keepMs) {
      const now = performance.now();
      for (const [instance, { since }] of absent) {
        if (!stillThere.has(instance) && now - since > keepMs) absent.delete(instance);
      }
    },
  };
}
