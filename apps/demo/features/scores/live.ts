import { defineLive } from "sse-bus";
import { latest, type Match, type Race, type Received } from "./scores";
import * as shape from "./shape";

/** The newest state of the match. */
export const match = defineLive({
  channel: "scores/match",
  event: "match",
  initial: undefined as Received<Match> | undefined,
  reduce: latest,
  validate: shape.match,
});

/** The newest state of the race. */
export const race = defineLive({
  channel: "scores/race",
  event: "race",
  initial: undefined as Received<Race> | undefined,
  reduce: latest,
  validate: shape.race,
});
