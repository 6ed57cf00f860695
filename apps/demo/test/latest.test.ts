import { expect, it } from "vitest";

import { latest, lostMs, type Received, type Simulated } from "../features/scores/scores.ts";

const state = (fence: number | undefined): Simulated => (fence === undefined ? {} : { fence });
const known: Received<Simulated> = { value: state(8), at: 1_000 };

it("a state of the same simulation, or of a later one, replaces the one before", () => {
  expect(latest(undefined, state(7), { time: 1_000 })).toEqual({ value: state(7), at: 1_000 });
  for (const value of [state(8), state(9)]) {
    expect(latest(known, value, { time: 1_001 })).toEqual({ value, at: 1_001 });
  }
});

it("a paused simulation that publishes again after another has taken over is ignored", () => {
  expect(latest(known, state(7), { time: 1_001 })).toBe(known);
  expect(latest(known, state(undefined), { time: 1_001 })).toBe(known);
});

it("a forged fencing number counts only while it is published", () => {
  const forged: Received<Simulated> = { value: state(8e15), at: 1_000 };
  const time = 1_001 + lostMs;
  expect(latest(forged, state(8), { time })).toEqual({ value: state(8), at: time });
});
