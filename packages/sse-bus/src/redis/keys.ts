import { isPattern } from "../core/channel-name.ts";
import type { SourceKind } from "./link.ts";

/** The names of a bus in Redis. All keys share a hash tag, so that a cluster keeps them together. */
export interface Keys {
  /** Hash: the head of the log, and one field for each channel's state. */
  readonly bus: string;
  /** Never exists: deleting it proves that the server takes writes. */
  readonly probe: string;
  /** Stream: a channel's history, with its positions as ids. */
  log(channel: string): string;
  /** Hash: where the newest message of each key of a channel is. */
  newest(channel: string): string;
  /** String: the place of the message that was published on a channel with an idempotency id. */
  id(channel: string, id: string): string;
  /** The pub/sub channel of markers. */
  readonly marks: Source;
  /** The sharded pub/sub channel of all messages, for patterns, which it has none of; or "". */
  readonly all: string;
  /** The command that announces messages and markers. */
  readonly announce: "PUBLISH" | "SPUBLISH";
  /** What the pub/sub channels of live messages begin with. */
  readonly live: string;
  /** The pub/sub channel or pattern that carries a topic. */
  source(topic: string): Source;
}

/** What a topic needs of pub/sub. */
export interface Source {
  readonly kind: SourceKind;
  readonly name: string;
}

/** The field of a channel in the bus's hash. */
export const CHANNEL_FIELD = "c:";

export interface KeyOptions {
  readonly database: number;
  /** Sharded pub/sub: an announcement stays on the node that holds the bus. */
  readonly isSharded: boolean;
}

export function createKeys(prefix: string, { database, isSharded }: KeyOptions): Keys {
  const tagged = `{${prefix}}`;
  // Pub/sub ignores the logical database, so two buses of one name would hear each other.
  const scope = database === 0 ? tagged : `${tagged}@${database}`;
  const live = `${scope}:live:`;
  const all = isSharded ? `${scope}:all` : "";
  return {
    bus: `${tagged}:bus`,
    probe: `${tagged}:probe`,
    log: (channel) => `${tagged}:log:${channel}`,
    newest: (channel) => `${tagged}:newest:${channel}`,
    // A channel's name holds no space, so that no two pairs have one key.
    id: (channel, id) => `${tagged}:id:${channel} ${id}`,
    marks: { kind: isSharded ? "shard" : "channel", name: `${scope}:marks` },
    all,
    announce: isSharded ? "SPUBLISH" : "PUBLISH",
    live,
    source(topic) {
      if (isSharded) return { kind: "shard", name: isPattern(topic) ? all : live + topic };
      return isPattern(topic)
        ? { kind: "pattern", name: escapeGlob(live) + toGlob(topic) }
        : { kind: "channel", name: live + topic };
    },
  };
}

/** A Redis glob that matches at least what the pattern covers; its `*` matches `/` as well. */
export function toGlob(pattern: string): string {
  return pattern.replace(/\*+/g, "*");
}

/** Channel names hold nothing that a glob gives a meaning to; a prefix may. */
export function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]]/g, String.raw`\$&`);
}
