import {
  type Contribution,
  type MembersEvent,
  readPresenceEvent,
} from "../../src/core/presence/contribution.ts";
import { applyEvent, createFold, memberOf, replaceAll } from "../../src/core/presence/fold.ts";
import type { Member } from "../../src/core/presence/member.ts";
import { parseCursor } from "../../src/core/position.ts";

/** An event as a parser of event streams gives it. */
export interface ReadEvent {
  readonly event?: string | undefined;
  readonly id?: string | undefined;
  readonly data: string;
}

/** What a client knows of a channel's presence from the events of its stream, as PROTOCOL.md says. */
export interface PresenceView {
  /** Takes every event of the stream, in order. */
  take(event: ReadEvent): void;
  /** By id; `undefined` before the first set. */
  members(): readonly Member[] | undefined;
  ids(): string | undefined;
  /** Members that have left since the stream opened, in order. */
  readonly left: readonly string[];
  /** Bytes of the data of presence events, each event's own. */
  readonly sizes: readonly number[];
}

export function createPresenceView(channel: string): PresenceView {
  const fold = createFold();
  let parts: (readonly Contribution[])[] = [];
  let hasSet = false;
  const left: string[] = [];
  const sizes: number[] = [];

  function members(): readonly Member[] | undefined {
    if (!hasSet) return undefined;
    return [...fold.members.keys()]
      .map((id) => memberOf(fold, id))
      .filter((member) => member !== undefined)
      .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  return {
    take({ event, id, data }) {
      if (event === "hello") parts = [];
      if (event !== "presence") return;
      const content = JSON.parse(data) as MembersEvent;
      if (content.type === "members") {
        if (content.channel !== channel) return;
        if (id !== undefined && id !== "") throw new Error("A set has no id.");
        parts = content.part === 1 ? [content.members] : [...parts, content.members];
        if (content.part < content.of) return;
        replaceAll(fold, parts.flat(), parseCursor(content.at)?.seq ?? 0);
        hasSet = true;
        return;
      }
      if (!id?.endsWith(`@~presence/${channel}`)) return;
      const read = readPresenceEvent(content);
      if (!read || !hasSet) return;
      sizes.push(data.length);
      for (const changed of applyEvent(fold, read, parseCursor(id)?.seq ?? 0)) {
        if (!memberOf(fold, changed)) left.push(changed);
      }
    },
    members,
    ids: () =>
      members()
        ?.map((member) => member.id)
        .join(),
    left,
    sizes,
  };
}
