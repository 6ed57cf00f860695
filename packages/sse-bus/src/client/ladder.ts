/**
 * What is known of the network between this page and the server. `cuts` of 3 means that streams do not get
 * through, and that the client polls.
 */
export interface Ladder {
  /** How many streams in a row were cut after about the same life. */
  readonly cuts: number;
  /** The life of the last one that was cut, in ms; 0 if none was. */
  readonly lifeMs: number;
}

/**
 * What can happen to a connection:
 * - `silent`: a stream had no `hello` in time: something holds it back
 * - `hello`: the `hello` of a stream
 * - `cut`: a stream ended after its `hello`, or a poll while it waited, and nobody said why
 * - `end`: any other end: a `bye`, a refusal, an attempt without an answer
 */
export type LadderEvent = "silent" | "hello" | "cut" | "end";

/** How many cuts in a row make the client poll. */
export const MAX_CUTS = 3;

/** To reconnect less often than once a minute costs less than to poll. */
const MAX_LIFE_MS = 60_000;

/** The network after `event`. Pure and total; the table in ladder.test.ts lists every pair. */
export function step(ladder: Ladder, event: LadderEvent, ms = 0): Ladder {
  const { cuts, lifeMs } = ladder;
  if (cuts === MAX_CUTS) {
    // A stream that was cut before has to outlive that, or one more cut ends the attempt.
    if (event === "hello") return lifeMs ? { cuts: cuts - 1, lifeMs } : UNKNOWN;
    return event === "cut" && ms >= 1_000 && !(lifeMs && lifeMs <= ms)
      ? { cuts, lifeMs: ms }
      : ladder;
  }
  if (event === "silent") return { cuts: MAX_CUTS, lifeMs: 0 };
  if (event === "hello") return ladder;
  if (event === "end" || ms > MAX_LIFE_MS) return UNKNOWN;
  return { cuts: cuts && isAbout(lifeMs, ms) ? cuts + 1 : 1, lifeMs: ms };
}

/** Whether two lives are so much alike that this is no accident. */
export function isAbout(lifeMs: number, ms: number): boolean {
  return Math.abs(ms - lifeMs) < 500 + lifeMs / 5;
}

export const UNKNOWN: Ladder = { cuts: 0, lifeMs: 0 };
