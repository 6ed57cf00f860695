import { olderCursor } from "./cursor.ts";
import type { Subscription } from "./subscriptions.ts";

/** What a tab wishes. */
export type Wish = [
  /** Its channels and patterns. */
  keys: readonly string[],
  /** The oldest cursor that one of them needs and that is not yet served; empty for "from now on", `null` when all are served. */
  from: string | null,
  /** No `ping` has come since. */
  isFresh: boolean,
];

/** All that these subscriptions wish, and these channels with them. */
export function wishOf(all: Iterable<Subscription>, channels: readonly string[]): Wish {
  const keys = new Set(channels);
  let from: string | null = null;
  for (const { key, live, cursor, error } of all) {
    if (error) continue;
    keys.add(key);
    if (!live) from = olderCursor(from ?? "", cursor);
  }
  return [[...keys], from, true];
}

/** The wishes of several tabs in one: sorted, and from no later than `cursor`. */
export function joinWishes(
  wishes: Iterable<Wish>,
  cursor: string,
): [keys: readonly string[], from: string, isServed: boolean] {
  const keys = new Set<string>();
  let isServed = true;
  for (const [tabKeys, tabFrom] of wishes) {
    for (const key of tabKeys) keys.add(key);
    if (tabFrom === null) continue;
    cursor = olderCursor(cursor, tabFrom);
    isServed = false;
  }
  // oxlint-disable-next-line unicorn/no-array-sort -- toSorted is too new for the browsers of some
  return [[...keys].sort(), cursor, isServed];
}
