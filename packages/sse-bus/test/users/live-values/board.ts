import { defineLive } from "sse-bus";

export interface Goal {
  team: "home" | "away";
}

export const board = defineLive({
  channel: "goals",
  initial: { home: 0, away: 0 },
  reduce: (score, { team }: Goal) => ({ ...score, [team]: score[team] + 1 }),
});
