import {
  type Contribution,
  type MembersEvent,
  readContribution,
  readPresenceEvent,
} from "../core/presence/contribution.ts";
import { applyEvent, createFold, memberOf, replaceAll } from "../core/presence/fold.ts";
import { hasReached } from "./cursor.ts";
import type { PresenceMember } from "./presence-types.ts";

/** The members of a channel, as a page knows them. */
export interface PresenceMembers {
  /** In the order in which they came. A member that has not changed stays the same object. */
  readonly byId: ReadonlyMap<string, PresenceMember>;
  /** There has been a complete set. */
  isComplete(): boolean;
  /**
   * Applies a `presence` event of the stream.
   *
   * @returns whether the members have changed, or become complete
   */
  apply(data: unknown, id: string): boolean;
}

/** Events that come before the set is complete, and may be newer than it. */
const MAX_EARLY = 1_000;
/** Parts of 64 KiB. */
const MAX_PARTS = 1_000;

export function createPresenceMembers(): PresenceMembers {
  const fold = createFold();
  const byId = new Map<string, PresenceMember>();
  let contributions: Contribution[] = [];
  let parts = 0;
  const early: { readonly data: unknown; readonly seq: number }[] = [];
  /** The cursor up to which everything is known; empty until the first complete set. */
  let cursor = "";

  const refresh = (ids: Iterable<string>): boolean => {
    let isChanged = false;
    for (const id of ids) {
      const known = byId.get(id);
      const member = memberOf(fold, id);
      if (JSON.stringify(known) === JSON.stringify(member)) continue;
      isChanged = true;
      if (member) byId.set(id, member);
      else byId.delete(id);
    }
    return isChanged;
  };

  const applyLive = (data: unknown, seq: number): readonly string[] => {
    const event = readPresenceEvent(data);
    return event ? applyEvent(fold, event, seq) : [];
  };

  const applySet = ({ at, members, part, of }: MembersEvent): boolean => {
    if (part === 1) {
      contributions = [];
      parts = 0;
    }
    if (part !== ++parts || !(of <= MAX_PARTS)) return false;
    if (typeof at !== "string" || !Array.isArray(members)) return false;
    for (const each of members) {
      const contribution = readContribution(each);
      if (contribution) contributions.push(contribution);
    }
    // A set that is older than what is known has nothing new: an instance may be behind another.
    if (part < of || (cursor && hasReached(cursor, at) && !hasReached(at, cursor))) return false;
    const isFirst = !cursor;
    cursor = at;
    replaceAll(fold, contributions, sequenceOf(at));
    for (const { data, seq } of early) applyLive(data, seq);
    early.length = 0;
    contributions = [];
    return refresh(new Set([...byId.keys(), ...fold.members.keys()])) || isFirst;
  };

  return {
    byId,
    isComplete: () => cursor !== "",
    apply(data, id) {
      if ((data as MembersEvent | null)?.type === "members") return applySet(data as MembersEvent);
      const seq = sequenceOf(id);
      if (!cursor) {
        if (early.push({ data, seq }) > MAX_EARLY) early.shift();
        return false;
      }
      if (!hasReached(cursor, id)) cursor = id;
      return refresh(applyLive(data, seq));
    },
  };
}

function sequenceOf(cursor: string): number {
  return parseInt(cursor, 36);
}
