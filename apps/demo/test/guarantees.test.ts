import { describe, expect, it } from "vitest";

import { type DemoEvent, initialDemo, reduceDemo } from "../features/guarantees/demo-state.ts";

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
