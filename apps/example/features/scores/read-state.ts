import * as v from "valibot";
import { type Match, type Race, teams } from "./scores";

const count = v.pipe(v.number(), v.finite());
const clock = v.object({ elapsedMs: count, since: v.nullable(count) });

const match = v.object({
  id: v.string(),
  isPlaying: v.boolean(),
  clock,
  endedAt: v.exactOptional(count),
  score: v.object({ home: count, away: count }),
  events: v.array(
    v.object({
      id: v.string(),
      kind: v.picklist(["goal", "yellow card", "red card", "chance", "half-time", "full time"]),
      team: v.exactOptional(v.picklist(teams)),
      at: count,
      by: v.picklist(["simulation", "referee"]),
      isUndone: v.exactOptional(v.boolean()),
    }),
  ),
  appliedTo: v.exactOptional(v.string()),
}) satisfies v.GenericSchema<unknown, Match>;

const race = v.object({
  id: v.string(),
  clock,
  runners: v.pipe(
    v.array(
      v.object({
        name: v.string(),
        metres: count,
        speed: count,
        finishedMs: v.exactOptional(count),
      }),
    ),
    v.nonEmpty(),
  ),
}) satisfies v.GenericSchema<unknown, Race>;

/**
 * A match as it was published, by this version or by one with another idea of a match: a log outlives
 * deploys. `undefined` is for those; who simulates then begins afresh.
 */
export function readMatch(value: unknown): Match | undefined {
  return read<Match>(match, value);
}

export function readRace(value: unknown): Race | undefined {
  return read<Race>(race, value);
}

function read<Value>(schema: v.GenericSchema<unknown, Value>, value: unknown): Value | undefined {
  const result = v.safeParse(schema, value, { abortEarly: true });
  return result.success ? result.output : undefined;
}
