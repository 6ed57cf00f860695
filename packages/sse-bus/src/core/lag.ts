import { isReserved } from "./channel-name.ts";
import { indexAfter, newestSeq, ordinalOf } from "./topic-log.ts";
import type { Engine } from "./engine.ts";
import type { Reader } from "./cohort.ts";

/**
 * How many messages the event stream that is furthest behind has not received yet. Counts the messages that
 * history keeps. For a stream of one channel whose messages are counted, dropped messages are included.
 */
export function furthestLag({ cohorts, remote }: Engine): number {
  let furthest = 0;
  for (const { behind, context } of cohorts.values()) {
    if (context !== remote) continue;
    let last: Reader | undefined;
    // All readers of a cohort read the same topics, so the reader with the oldest cursor is furthest behind.
    for (const reader of behind) if (!last || reader.cursor.seq < last.cursor.seq) last = reader;
    if (last) furthest = Math.max(furthest, lagOf(last));
  }
  return furthest;
}

/** How many messages a reader has not received yet, counted as in {@link furthestLag}. */
export function lagOf({ cohort, cursor, ordinal }: Reader): number {
  let kept = 0;
  for (const { name, log } of cohort.topics) {
    if (!isReserved(name)) kept += log.messages.length - indexAfter(log, cursor.seq);
  }
  const [only] = cohort.topics;
  const newest =
    only && ordinal !== undefined ? ordinalOf(only.log, newestSeq(only.log)) : undefined;
  return Math.max(kept, newest === undefined ? 0 : newest - (ordinal as number));
}
