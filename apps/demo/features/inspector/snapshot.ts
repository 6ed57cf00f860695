import type { BusSnapshot } from "sse-bus";

/** On a bus of its own, which only `/api/inspector` serves. */
export const instancesChannel = "inspector/instances";

/** A second each. */
export const keptSnapshots = 60;
/** Who has said nothing for so long has gone. */
const goneMs = 8_000;

export interface InstanceSnapshot extends BusSnapshot {
  /** Host and process. */
  instance: string;
  /** Of the whole process. */
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

/** By second, between each two snapshots; `null` where the count began anew. */
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
