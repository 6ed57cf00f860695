import type { Contribution } from "./contribution.ts";

/** A member on one channel, with its streams on this instance. */
export interface LocalMember {
  readonly channel: string;
  readonly id: string;
  /** Its open streams, oldest first. */
  streams: readonly StreamOfMember[];
  /** The streams that count: those that are open, and those that ended within their grace. */
  count: number;
  /** What its newest stream shows, or its last one if none is open. */
  shown: Omit<MemberContent, "n">;
  readonly joinedAt: number;
  /** Ends the grace of streams that have ended. */
  timer: ReturnType<typeof setTimeout> | undefined;
  /** What of it the log has; see `member-publisher.ts`. */
  readonly publication: Publication;
}

export interface StreamOfMember {
  readonly connection: string;
  readonly info: unknown;
  /** What its client has set on the channel. */
  shown(): { readonly state: unknown; readonly at: number } | undefined;
}

/** What is published of a member. */
export type MemberContent = Omit<Contribution, "i" | "id">;

/** What the log has of a member, as JSON; `""` for nothing, `undefined` where that is uncertain. */
export interface Publication {
  stored: string | undefined;
  /** What is being published, if something is. */
  sending: string | undefined;
}

export function createLocalMember(channel: string, id: string, now: number): LocalMember {
  return {
    channel,
    id,
    streams: [],
    count: 0,
    shown: { at: now },
    joinedAt: now,
    timer: undefined,
    publication: { stored: "", sending: undefined },
  };
}

export function addStream(member: LocalMember, stream: StreamOfMember): void {
  member.streams = [...member.streams, stream];
  member.count = Math.max(member.count, member.streams.length);
  showNewest(member);
}

/** @returns whether it was there */
export function removeStream(member: LocalMember, connection: string): boolean {
  const left = member.streams.filter((stream) => stream.connection !== connection);
  if (left.length === member.streams.length) return false;
  member.streams = left;
  showNewest(member);
  return true;
}

/** Only the streams that are open count from now on. */
export function settleCount(member: LocalMember): void {
  member.count = member.streams.length;
}

/** Shows what was set last by the streams that are open. Without any, what was shown last stays. */
export function showNewest(member: LocalMember): void {
  const info = member.streams.at(-1)?.info;
  if (member.streams.length === 0) return;
  let newest: { readonly state: unknown; readonly at: number } | undefined;
  for (const stream of member.streams) {
    const shown = stream.shown();
    if (shown && (!newest || shown.at >= newest.at)) newest = shown;
  }
  member.shown = {
    ...(info !== undefined && { info }),
    ...(newest ? { state: newest.state, at: newest.at } : { at: member.joinedAt }),
  };
}

/** What this instance contributes of the member now; `undefined` if it has left. */
export function contentOf({ count, shown }: LocalMember): MemberContent | undefined {
  return count > 0 ? { n: count, ...shown } : undefined;
}
