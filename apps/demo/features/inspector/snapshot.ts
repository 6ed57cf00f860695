import type { BusSnapshot } from "sse-bus";

/** A channel of the internal bus, which only `/api/inspector` serves. */
export const instancesChannel = "inspector/instances";

/** One per second. */
export const keptSnapshots = 60;
/** An instance without a snapshot for this long is removed. */
const goneMs = 8_000;

export interface InstanceSnapshot extends BusSnapshot {
  /** Host and process. */
  instance: string;
  /** Resident memory of the process. */
  memoryBytes: number;
}

export type Instances = Readonly<Record<string, readonly InstanceSnapshot[]>>;

export function addSnapshot(all: Instances, snapshot: InstanceSnapshot): Instances {
  const own = all[snapshot.instance] ?? [];
  if ((own.at(-1)?.time ?? 0) >= snapshot.time) return all;
  const present = Object.entries(all).filter(
    ([, list]) => (list.at(-1)?.time ?? 0) > snapshot.time - goneMs,
  );
  return {
    ...Object.fromEntries(present),
    [snapshot.instance]: [...own, snapshot].slice(-keptSnapshots),
  };
}

/** Rates per second between snapshots; `null` where the count was reset. */
export function ratesOf(
  snapshots: readonly InstanceSnapshot[],
  count: (snapshot: InstanceSnapshot) => number,
): (number | null)[] {
  return snapshots.map((snapshot, index) => {
    const before = snapshots[index - 1];
    if (!before) return null;
    const rate = ((count(snapshot) - count(before)) * 1_000) / (snapshot.time - before.time);
    return rate >= 0 ? rate : null;
  });
}
