import { olderCursor } from "./cursor.ts";
import type { Subscription } from "./subscriptions.ts";

/** What a tab wishes. */
export type Wish = [
  /**
   * Its channels and patterns, each with the oldest cursor that is needed and not yet served: empty
   * for "from now on", `null` when it is served.
   */
  wanted: Map<string, string | null>,
  /** No `ping` has come since. */
  isFresh: boolean,
  /** The tab has had a `hello` of this server. */
  wasOpen?: boolean | undefined,
];

/** All that these subscriptions wish, and these channels with them. */
export function wishOf(
  all: Iterable<Subscription>,
  channels: readonly string[],
  wasOpen?: boolean,
): Wish {
  const wanted: Wish[0] = new Map(channels.map((key) => [key, null]));
  for (const { key, live, cursor, error } of all) {
    if (error) continue;
    const from = wanted.get(key) ?? null;
    wanted.set(key, live ? from : olderCursor(from ?? "", cursor));
  }
  return [wanted, true, wasOpen];
}

/** The wishes of several tabs in one: sorted, and from no later than `cursor`. */
export function joinWishes(
  wishes: Iterable<Wish>,
  cursor: string,
): [keys: readonly string[], from: string, isServed: boolean] {
  const keys = new Set<string>();
  let isServed = true;
  for (const [wanted] of wishes) {
    for (const [key, from] of wanted) {
      keys.add(key);
      if (from === null) continue;
      cursor = olderCursor(cursor, from);
      isServed = false;
    }
  }
  // oxlint-disable-next-line unicorn/no-array-sort -- toSorted is too new for the browsers of some
  return [[...keys].sort(), cursor, isServed];
}
