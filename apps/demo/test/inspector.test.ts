import { describe, expect, it } from "vitest";

import { type DemoEvent, initialDemo, reduceDemo } from "../features/inspector/demo-state.ts";
import { addSnapshot, type InstanceSnapshot, ratesOf } from "../features/inspector/snapshot.ts";

const ticks = (...numbers: number[]): DemoEvent[] => numbers.map((n) => ({ kind: "tick", n }));
const gap: DemoEvent = {
  kind: "wire",
  wire: { event: "gap", data: { reason: "evicted" } },
  time: 0,
};
const after = (...events: DemoEvent[]) => events.reduce(reduceDemo, initialDemo);

describe("what the page counts of its demo stream", () => {
  it("counts a missing number as unreported, unless a gap came before it", () => {
    expect(after(...ticks(7, 8, 11))).toMatchObject({ received: 3, unreported: 2, reported: 0 });
    expect(after(...ticks(7, 8), gap, ...ticks(11))).toMatchObject({ unreported: 0, reported: 2 });
  });

  it("a gap accounts for one loss only", () => {
    expect(after(...ticks(1), gap, ...ticks(5, 9))).toMatchObject({ unreported: 3, reported: 3 });
  });

  it("counts superseded messages separately, and none twice", () => {
    const newest = [1, 2, 2, 6].map((n): DemoEvent => ({ kind: "newest", n }));
    expect(after(...newest)).toMatchObject({ superseded: 3, unreported: 0 });
    expect(after(...ticks(3, 3, 2, 4))).toMatchObject({ received: 2, unreported: 0 });
  });
});

describe("snapshots of instances", () => {
  const at = (instance: string, time: number, published = 0) =>
    ({ instance, time, stats: { published } }) as InstanceSnapshot;

  it("are kept for a minute, and an instance without new ones is removed", () => {
    let all = addSnapshot({}, at("gone", 1_000));
    for (let second = 1; second <= 100; second++) {
      all = addSnapshot(all, at("here", second * 1_000));
    }
    expect(Object.keys(all)).toEqual(["here"]);
    expect(all.here).toHaveLength(60);
    expect(addSnapshot(all, at("here", 100_000))).toBe(all);
  });

  it("give rates per second, and none where a count was reset", () => {
    const list = [at("a", 0, 10), at("a", 2_000, 20), at("a", 3_000, 5), at("a", 4_000, 6)];
    expect(ratesOf(list, ({ stats }) => stats.published)).toEqual([null, 5, null, 1]);
  });
});
