import { indexAfter, newestSeq, ordinalOf } from "./topic-log.ts";
import type { Engine } from "./engine.ts";
import type { Reader } from "./cohort.ts";

/**
 * Messages that the furthest-behind event stream has still to be handed: those that history keeps,
 * and where a single channel's are counted, those that it has dropped meanwhile.
 */
export function furthestLag({ cohorts, remote }: Engine): number {
  let furthest = 0;
  for (const { behind, context } of cohorts.values()) {
    if (context !== remote) continue;
    let last: Reader | undefined;
    // All of a cohort read the same topics: the oldest cursor has the most before it.
    for (const reader of behind) if (!last || reader.cursor.seq < last.cursor.seq) last = reader;
    if (last) furthest = Math.max(furthest, lagOf(last));
  }
  return furthest;
}

/** Messages that a reader has still to be handed, counted as {@link furthestLag} does. */
export function lagOf({ cohort, cursor, ordinal }: Reader): number {
  let kept = 0;
  for (const { log } of cohort.topics) kept += log.messages.length - indexAfter(log, cursor.seq);
  const [only] = cohort.topics;
  const newest =
    only && ordinal !== undefined ? ordinalOf(only.log, newestSeq(only.log)) : undefined;
  return Math.max(kept, newest === undefined ? 0 : newest - (ordinal as number));
}
