import { isPattern, isReserved } from "../core/channel-name.ts";
import type { SubscriptionKind } from "./connection.ts";

/** The names of a bus in Redis. All keys share one hash tag, so a cluster keeps them on one node. */
export interface RedisKeys {
  /** Hash: the head of the log, and one field for the state of each channel. */
  readonly bus: string;
  /** Never exists. Deleting it proves that the server takes writes. */
  readonly probe: string;
  /** Stream: the history of a channel; the ids of its entries are positions. */
  log(channel: string): string;
  /** Hash: the position of the newest message of each key of a channel. */
  newest(channel: string): string;
  /** String: the position of the message with this idempotency id on this channel. */
  id(channel: string, id: string): string;
  /** The pub/sub channel of head markers. */
  readonly headMarkers: PubSubName;
  /** Sharded pub/sub has no patterns: this channel carries all messages for them. Else "". */
  readonly all: string;
  /** The command that announces messages and head markers. */
  readonly announce: "PUBLISH" | "SPUBLISH";
  /** The start of the pub/sub channels that carry messages. */
  readonly live: string;
  /** The same for reserved channels. It differs, so that no pattern of the server matches them. */
  readonly reserved: string;
  /** The pub/sub channel or pattern that carries the messages of a topic. */
  pubSub(topic: string): PubSubName;
}

/** A pub/sub channel or pattern, and how to subscribe to it. */
export interface PubSubName {
  readonly kind: SubscriptionKind;
  readonly name: string;
}

/** The fields of the bus's hash with the newest position of all channels whose state was deleted. */
export function floorField(topic: string): string {
  return isReserved(topic) ? "reservedFloor" : "floor";
}

/** The start of the fields that hold channels' states, in the hash of the bus. */
export const CHANNEL_FIELD = "c:";

export interface KeyOptions {
  readonly database: number;
  /** Sharded pub/sub: an announcement stays on the node that holds the bus. */
  readonly isSharded: boolean;
}

export function createKeys(prefix: string, { database, isSharded }: KeyOptions): RedisKeys {
  const tagged = `{${prefix}}`;
  // Pub/sub ignores the logical database: without it in the name, buses with the same prefix in two
  // databases would receive each other's messages.
  const scope = database === 0 ? tagged : `${tagged}@${database}`;
  const live = `${scope}:live:`;
  const reserved = `${scope}:reserved:`;
  const all = isSharded ? `${scope}:all` : "";
  return {
    bus: `${tagged}:bus`,
    probe: `${tagged}:probe`,
    log: (channel) => `${tagged}:log:${channel}`,
    newest: (channel) => `${tagged}:newest:${channel}`,
    // Channel names contain no space, so two different pairs never make the same key.
    id: (channel, id) => `${tagged}:id:${channel} ${id}`,
    headMarkers: { kind: isSharded ? "shard" : "channel", name: `${scope}:marks` },
    all,
    announce: isSharded ? "SPUBLISH" : "PUBLISH",
    live,
    reserved,
    pubSub(topic) {
      if (isReserved(topic))
        return { kind: isSharded ? "shard" : "channel", name: reserved + topic };
      if (isSharded) return { kind: "shard", name: isPattern(topic) ? all : live + topic };
      return isPattern(topic)
        ? { kind: "pattern", name: escapeGlob(live) + toGlob(topic) }
        : { kind: "channel", name: live + topic };
    },
  };
}

/** A Redis glob that matches at least what the pattern covers: its `*` also matches `/`. */
export function toGlob(pattern: string): string {
  return pattern.replace(/\*+/g, "*");
}

/** For the prefix: channel names contain no character with a meaning in a glob. */
export function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]]/g, String.raw`\$&`);
}
