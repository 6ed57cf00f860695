import { describe, expect, it } from "vitest";

import { type Match, matchMs, matchSpeed, type Race, read } from "../features/scores/scores.ts";
import {
  advanceMatch,
  advanceRace,
  newGame,
  newMatch,
  newRace,
  obey,
  takeOver,
} from "../features/scores/simulate.ts";

const stepMs = 250;
const never = () => 1;
const start = 1_000_000;
const realMatchMs = matchMs / matchSpeed;

/** The same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
}

function play(match: Match, from: number, to: number, random = never): Match {
  let played = match;
  for (let now = from; now <= to; now += stepMs) {
    played = advanceMatch(played, now, { stepMs, random });
  }
  return played;
}

describe("the match", () => {
  it("has half-time and full time, once each, and its clock stops on the minute", () => {
    const match = play(newMatch(start), start, start + realMatchMs + 10_000);
    expect(match.events.map(({ kind, at }) => [kind, at])).toEqual([
      ["half-time", matchMs / 2],
      ["full time", matchMs],
    ]);
    expect(read(match.clock, start + 10 * realMatchMs, matchSpeed)).toBe(matchMs);
  });

  it("restarts some time after its end, but not while it is paused", () => {
    const over = play(newMatch(start), start, start + realMatchMs);
    const later = start + realMatchMs + 20_000;
    expect(advanceMatch({ ...over, isPlaying: false }, later, { stepMs }).id).toBe(over.id);
    const next = advanceMatch({ ...over, appliedTo: "7-a-x" }, later, { stepMs });
    expect(next.id).not.toBe(over.id);
    expect(next.events).toEqual([]);
    // Otherwise an instance that takes over would apply the commands of the last match again.
    expect(next.appliedTo).toBe("7-a-x");
  });

  it("stops while it is paused", () => {
    const race = newRace(start, seeded(1));
    const paused = obey(
      { match: newMatch(start), race },
      { kind: "pause" },
      command(start + 3_000),
    );
    expect(paused.match.clock).toEqual({ elapsedMs: 3_000 * matchSpeed, since: null });
    expect(paused.race.clock).toEqual({ elapsedMs: 3_000, since: null });
    expect(play(paused.match, start + 3_000, start + 60_000, () => 0)).toBe(paused.match);
    const resumed = obey(paused, { kind: "play" }, command(start + 60_000));
    expect(read(resumed.match.clock, start + 61_000, matchSpeed)).toBe(4_000 * matchSpeed);
    expect(read(resumed.race.clock, start + 61_000)).toBe(4_000);
  });

  it("keeps the score after many events", () => {
    const busy = play(newMatch(start), start + stepMs, start + 100 * stepMs, () => 0.0001);
    expect(busy.score).toEqual({ home: 100, away: 0 });
    expect(busy.events).toHaveLength(60);
    expect(new Set(busy.events.map(({ id }) => id)).size).toBe(60);
  });

  function command(now: number) {
    return { now, position: "1-a-x" };
  }
});

describe("the referee", () => {
  const before = { match: newMatch(start), race: newRace(start, seeded(1)) };

  it("undoes the last decision, and keeps the other events", () => {
    let state = before;
    const ask = (asked: Parameters<typeof obey>[1], position: string) =>
      (state = obey(state, asked, { now: start + 1_000, position }));
    ask({ kind: "goal", team: "home" }, "1-a-x");
    ask({ kind: "goal", team: "away" }, "2-a-x");
    ask({ kind: "red card", team: "home" }, "3-a-x");
    expect(state.match.score).toEqual({ home: 1, away: 1 });
    ask({ kind: "undo" }, "4-a-x");
    expect(state.match.events.map(({ isUndone = false }) => isUndone)).toEqual([
      false,
      false,
      true,
    ]);
    ask({ kind: "undo" }, "5-a-x");
    expect(state.match.score).toEqual({ home: 1, away: 0 });
    expect(state.match.events).toHaveLength(3);
    expect(state.match.appliedTo).toBe("5-a-x");
  });

  it("undoes nothing without a decision", () => {
    const { match } = obey(before, { kind: "undo" }, { now: start, position: "1-a-x" });
    expect(match.events).toEqual([]);
  });
});

describe("the race", () => {
  function run(race: Race, seed: number): { race: Race; orders: Set<string> } {
    const random = seeded(seed);
    const orders = new Set<string>();
    let raced = race;
    for (let now = start; now < start + 120_000; now += stepMs) {
      const next = advanceRace(raced, now, { stepMs, random });
      if (next.id !== race.id) break;
      raced = next;
      orders.add(raced.runners.map(({ name }) => name).join());
    }
    return { race: raced, orders };
  }

  it("all runners finish, in order of place, and overtake each other", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { race, orders } = run(newRace(start, seeded(seed)), seed);
      const times = race.runners.map(({ finishedMs }) => finishedMs);
      expect(times.every((time) => time !== undefined && time > 50_000 && time < 100_000)).toBe(
        true,
      );
      expect(times).toEqual(times.toSorted((a = 0, b = 0) => a - b));
      expect(orders.size).toBeGreaterThan(3);
    }
  });
});

describe("an instance that takes over", () => {
  it("continues immediately after a recent state", () => {
    const match = newMatch(start);
    const game = takeOver({ value: match, at: start + 10_000 }, undefined, start + 14_000);
    expect(game.match).toBe(match);
  });

  it("continues from the last heartbeat if no instance simulated since", () => {
    const { match, race } = newGame(start);
    const at = start + 10_000;
    const hourLater = start + 3_600_000;
    const taken = takeOver({ value: match, at }, { value: race, at }, hourLater);
    expect(read(taken.match.clock, hourLater, matchSpeed)).toBe(10_000 * matchSpeed);
    expect(read(taken.race.clock, hourLater)).toBe(10_000);
    const paused: Match = { ...match, isPlaying: false, clock: { elapsedMs: 5, since: null } };
    expect(takeOver({ value: paused, at: start }, undefined, hourLater).match).toBe(paused);
  });

  it("starts a new game where the log has none", () => {
    const { match, race } = takeOver(undefined, undefined, start);
    expect([match.clock.since, race.clock.since]).toEqual([start, start]);
  });
});
