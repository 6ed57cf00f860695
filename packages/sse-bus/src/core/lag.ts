import { indexAfter, newestSeq, ordinalOf } from "./channel-log.ts";
import type { Engine } from "./engine.ts";
import type { Reader } from "./reader.ts";

/**
 * Messages that the furthest-behind event stream has still to be handed: those that history keeps,
 * and where a single channel's are counted, those that it has dropped meanwhile.
 */
export function furthestLag({ groups, remote }: Engine): number {
  let furthest = 0;
  for (const { behind, context } of groups.values()) {
    if (context !== remote) continue;
    let last: Reader | undefined;
    // All of a group read the same topics: the oldest cursor has the most before it.
    for (const reader of behind) if (!last || reader.cursor.seq < last.cursor.seq) last = reader;
    if (last) furthest = Math.max(furthest, lagOf(last));
  }
  return furthest;
}

/** Messages that a reader has still to be handed, counted as {@link furthestLag} does. */
export function lagOf({ group, cursor, ordinal }: Reader): number {
  let kept = 0;
  for (const { log } of group.topics) kept += log.entries.length - indexAfter(log, cursor.seq);
  const [only] = group.topics;
  const newest =
    only && ordinal !== undefined ? ordinalOf(only.log, newestSeq(only.log)) : undefined;
  return Math.max(kept, newest === undefined ? 0 : newest - (ordinal as number));
}
