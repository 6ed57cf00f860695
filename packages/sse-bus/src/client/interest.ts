import { olderCursor } from "./cursor.ts";
import type { ClientSubscription } from "./subscriptions.ts";

/** What one tab wants of the streams that the leader keeps. */
export interface Interest {
  readonly channels: InterestMap;
  /** The tab has had a `hello` of this server. */
  readonly wasOpen: boolean;
}

/**
 * Channels and patterns, each with the oldest cursor that is needed and not served yet: empty for "from
 * now on", `null` when everything needed is served.
 */
export type InterestMap = Map<string, string | null>;

/** The interest of several tabs as what one stream has to serve. */
export interface JoinedInterest {
  /** Sorted. */
  readonly channels: readonly string[];
  /** The cursor that the stream must start from to serve all of them. */
  readonly from: string;
  readonly isServed: boolean;
}

/** What these subscriptions need, and these channels with them. */
export function interestOf(
  subscriptions: Iterable<ClientSubscription>,
  channels: readonly string[],
): InterestMap {
  const interest: InterestMap = new Map(channels.map((channel) => [channel, null]));
  for (const { channel, state, cursor } of subscriptions) {
    if (state === "refused") continue;
    const from = interest.get(channel) ?? null;
    interest.set(channel, state === "served" ? from : olderCursor(from ?? "", cursor));
  }
  return interest;
}

/** Joins interests into one whose `from` is no later than `cursor`. */
export function joinInterests(interests: Iterable<Interest>, cursor: string): JoinedInterest {
  const all = new Set<string>();
  let from = cursor;
  let isServed = true;
  for (const { channels } of interests) {
    for (const [channel, needed] of channels) {
      all.add(channel);
      if (needed === null) continue;
      from = olderCursor(from, needed);
      isServed = false;
    }
  }
  // oxlint-disable-next-line unicorn/no-array-sort -- some browsers do not have toSorted yet
  return { channels: [...all].sort(), from, isServed };
}
