import * as v from "valibot";
import { amount, moment, text } from "../../lib/shape";
import { type Command, type Match, type Race, simpleCommands, teamCommands, teams } from "./scores";

const id = text(64);
const clock = v.object({ elapsedMs: amount, since: v.nullable(moment) });
/** The id of a command. Accepts only what `bus.subscribe` does, because the simulation resumes from it. */
const cursor = v.pipe(
  v.string(),
  v.regex(/^[\da-z]{1,11}-[\da-z]{1,9}-[\da-z]{1,16}(?:@scores\/commands)?$/),
  v.check((text) => Number.isSafeInteger(Number.parseInt(text, 36))),
);

export const match = v.object({
  id,
  isPlaying: v.boolean(),
  clock,
  endedAt: v.exactOptional(moment),
  score: v.object({ home: amount, away: amount }),
  events: v.pipe(
    v.array(
      v.object({
        id,
        kind: v.picklist(["goal", "yellow card", "red card", "chance", "half-time", "full time"]),
        team: v.exactOptional(v.picklist(teams)),
        at: amount,
        by: v.picklist(["simulation", "referee"]),
        isUndone: v.exactOptional(v.boolean()),
      }),
    ),
    v.maxLength(100),
  ),
  appliedTo: v.exactOptional(cursor),
  fence: v.exactOptional(moment),
}) satisfies v.GenericSchema<unknown, Match>;

export const race = v.object({
  id,
  clock,
  runners: v.pipe(
    v.array(
      v.object({
        name: text(40),
        metres: amount,
        speed: amount,
        finishedMs: v.exactOptional(amount),
      }),
    ),
    v.nonEmpty(),
    v.maxLength(20),
  ),
  fence: v.exactOptional(moment),
}) satisfies v.GenericSchema<unknown, Race>;

export const command = v.variant("kind", [
  v.object({ kind: v.picklist(simpleCommands) }),
  v.object({ kind: v.picklist(teamCommands), team: v.picklist(teams) }),
]) satisfies v.GenericSchema<unknown, Command>;
