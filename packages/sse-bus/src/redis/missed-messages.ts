import { limitConcurrency } from "../backend-shared/limit-concurrency.ts";
import { isPattern } from "../core/channel-name.ts";
import { type LogMessage, messageBytes } from "../core/message.ts";
import type { Cursor } from "../core/position.ts";
import { decodeState } from "./codec.ts";
import {
  findChannels,
  PARALLEL_READS,
  readChannelHistory,
  readFloor,
  type RedisLogAccess,
} from "./history.ts";
import { CHANNEL_FIELD, floorField } from "./keys.ts";

/** The messages that an outage kept from the subscriptions. */
export interface MissedMessages {
  /** In position order. */
  readonly messages: readonly LogMessage[];
  /** For each topic: the position up to which messages may be lost. */
  readonly losses: ReadonlyMap<string, number>;
}

export interface MissedRange {
  readonly topics: readonly string[];
  /** Everything up to here was received. */
  readonly after: Cursor;
  /** Everything after this is being received. */
  readonly upTo: Cursor;
  /** How many bytes to recover. What exceeds it counts as lost. */
  readonly maxBytes: number;
}

const STATES_AT_ONCE = 500;

/** Reads from history what was published on these topics during an outage. */
export async function readMissed(
  access: RedisLogAccess,
  { topics, after, upTo, maxBytes }: MissedRange,
): Promise<MissedMessages> {
  const losses = new Map<string, number>();
  if (topics.length === 0 || upTo.seq <= after.seq) return { messages: [], losses };
  const lose = (topic: string, seq: number): void => {
    if (seq > after.seq) losses.set(topic, Math.max(seq, losses.get(topic) ?? 0));
  };

  const { changed, withState } = await findChanged(access, topics, after.seq);
  // Read last, so that they cover channels that were deleted while the states were read.
  const floors = new Map<string, number>();
  for (const field of new Set(topics.map(floorField))) {
    floors.set(field, await readFloor(access, field));
  }
  const messages: LogMessage[] = [];
  let bytes = 0;

  async function recover({ channel, last, topics: affected }: ChangedChannel): Promise<void> {
    const loseAll = (seq: number): void => affected.forEach((topic) => lose(topic, seq));
    if (bytes > maxBytes) return loseAll(Math.min(last, upTo.seq));
    const history = await readChannelHistory(access, channel, after.seq);
    if (history.epoch !== upTo.epoch) throw new Error("The log restarted while it was read");
    loseAll(Math.min(history.horizon, upTo.seq));
    for (const message of history.messages) {
      if (message.seq > upTo.seq) break;
      bytes += messageBytes(message);
      messages.push(message);
    }
  }

  const limit = limitConcurrency(PARALLEL_READS);
  await Promise.all(Array.from(changed.values(), (each) => limit(async () => recover(each))));
  for (const topic of topics) {
    const floor = floors.get(floorField(topic)) ?? 0;
    if (!withState.has(topic)) lose(topic, Math.min(floor, upTo.seq));
  }
  return { messages: messages.toSorted((a, b) => a.seq - b.seq), losses };
}

/** A channel with new messages, and the topics that cover it. */
interface ChangedChannel {
  readonly channel: string;
  readonly last: number;
  readonly topics: string[];
}

interface ChangedChannels {
  readonly changed: ReadonlyMap<string, ChangedChannel>;
  /** The topics (channels, not patterns) whose own state the server has. */
  readonly withState: ReadonlySet<string>;
}

/** The channels of these topics with messages after `after`. */
async function findChanged(
  access: RedisLogAccess,
  topics: readonly string[],
  after: number,
): Promise<ChangedChannels> {
  const { commands, keys } = access;
  const changed = new Map<string, ChangedChannel>();
  const withState = new Set<string>();
  const add = (channel: string, topic: string, last: number): void => {
    const found = changed.get(channel);
    if (found) found.topics.push(topic);
    else changed.set(channel, { channel, last, topics: [topic] });
  };
  const channels = topics.filter((topic) => !isPattern(topic));
  for (let start = 0; start < channels.length; start += STATES_AT_ONCE) {
    const names = channels.slice(start, start + STATES_AT_ONCE);
    const fields = names.map((channel) => CHANNEL_FIELD + channel);
    const states = (await commands.send(["HMGET", keys.bus, ...fields])) as (string | null)[];
    for (const [index, state] of states.entries()) {
      const channel = names[index] as string;
      if (!state) continue;
      withState.add(channel);
      const { last } = decodeState(state);
      if (last > after) add(channel, channel, last);
    }
  }
  for (const pattern of topics.filter(isPattern)) {
    for (const [channel, { last }] of await findChannels(access, pattern)) {
      if (last > after) add(channel, pattern, last);
    }
  }
  return { changed, withState };
}
