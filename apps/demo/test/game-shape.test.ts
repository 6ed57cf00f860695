import { describe, expect, it } from "vitest";

import * as shape from "../features/scores/shape.ts";
import type { Match, Race } from "../features/scores/scores.ts";
import { advanceMatch, advanceRace, newMatch, newRace, obey } from "../features/scores/simulate.ts";
import { readShape } from "../lib/shape.ts";

const readMatch = (data: unknown) => readShape<Match>(shape.match, data);
const readRace = (data: unknown) => readShape<Race>(shape.race, data);

const start = 1_000_000;
const stepMs = 250;

describe("a state from the log", () => {
  it("is read unchanged, whatever it contains", () => {
    let match: Match = newMatch(start);
    let race: Race = newRace(start);
    const asked = { kind: "red card", team: "away" } as const;
    ({ match, race } = obey({ match, race }, asked, {
      now: start,
      position: "1-a-x@scores/commands",
    }));
    ({ match, race } = obey(
      { match, race },
      { kind: "undo" },
      { now: start, position: "2-a-x@scores/commands" },
    ));
    for (let now = start; now < start + 550_000; now += stepMs) {
      match = advanceMatch(match, now, { stepMs });
      race = advanceRace(race, now, { stepMs });
      if (now % 10_000 !== 0 && match.endedAt === undefined) continue;
      expect(readMatch(JSON.parse(JSON.stringify(match)))).toEqual(match);
      expect(readRace(JSON.parse(JSON.stringify(race)))).toEqual(race);
    }
    expect(match.endedAt).toBeDefined();
  });

  it("is ignored if no log can have issued its cursor, because nothing can resume from it", () => {
    const match = newMatch(start);
    expect(readMatch({ ...match, appliedTo: "7-a-x@scores/commands" })).toBeDefined();
    for (const appliedTo of ["zzzzzzzzzzzz-1-1", "zzzzzzzzzzz-1-1", "1-1234567890-x", "1-1"]) {
      expect(readMatch({ ...match, appliedTo })).toBeUndefined();
    }
  });

  it("is ignored if another version of the app wrote it in another shape", () => {
    const match = newMatch(start);
    const race = newRace(start);
    const { clock: _, ...withoutClock } = match;
    for (const other of [
      null,
      "a match",
      {},
      withoutClock,
      { ...match, score: [0, 0] },
      { ...match, clock: start },
      { ...match, events: [{ kind: "goal" }] },
    ]) {
      expect(readMatch(other)).toBeUndefined();
    }
    for (const other of [null, {}, { ...race, runners: [] }, { ...race, runners: ["Aurora"] }]) {
      expect(readRace(other)).toBeUndefined();
    }
  });
});
