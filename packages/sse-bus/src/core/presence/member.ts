import type { Contribution } from "./contribution.ts";

/** Somebody who has at least one open stream on a channel. */
export interface Member<Info = unknown, State = unknown> {
  /** The `id` of the identity that `authorize` returned. */
  readonly id: string;
  /** The `info` of this identity. */
  readonly info?: Info;
  /** What the member's clients have set last, of those that are still connected. */
  readonly state?: State;
  /** The member's open streams, on all instances. */
  readonly count: number;
}

/** Joins what the instances contribute to one member. The result does not depend on their order. */
export function toMember(id: string, contributions: Iterable<Contribution>): Member | undefined {
  let newest: Contribution | undefined;
  let newestState: Contribution | undefined;
  let count = 0;
  for (const each of contributions) {
    count += each.n;
    if (!newest || isNewer(each, newest)) newest = each;
    if (each.state === undefined) continue;
    if (!newestState || isNewer(each, newestState)) newestState = each;
  }
  if (!newest) return undefined;
  const { info } = newest;
  return {
    id,
    ...(info !== undefined && { info }),
    ...(newestState && { state: newestState.state }),
    count,
  };
}

/** At equal times the instance decides, so that everybody decides alike. */
function isNewer(a: Contribution, b: Contribution): boolean {
  return a.at === b.at ? a.i > b.i : a.at > b.at;
}
