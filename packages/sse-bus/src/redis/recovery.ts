import { isPattern } from "../core/channel-name.ts";
import { type LogMessage, messageBytes } from "../core/message.ts";
import type { Cursor } from "../core/position.ts";
import { decodeState } from "./codec.ts";
import { findChannels, type HistorySource, inParallel, readChannel, readFloor } from "./history.ts";
import { CHANNEL_FIELD } from "./keys.ts";

/** What an outage kept from the live feeds. */
export interface Missed {
  /** In the order of positions. */
  readonly messages: readonly LogMessage[];
  /** By topic: up to where messages may be missing. */
  readonly losses: ReadonlyMap<string, number>;
}

export interface RecoveryOptions {
  readonly topics: readonly string[];
  /** Everything up to here had been received. */
  readonly after: Cursor;
  /** Everything after this is being received. */
  readonly upTo: Cursor;
  /** Bytes that may be recovered; what is beyond counts as lost. */
  readonly maxBytes: number;
}

const STATES_AT_ONCE = 500;

/** Reads from history what was published on these topics while nothing was received. */
export async function readMissed(
  source: HistorySource,
  { topics, after, upTo, maxBytes }: RecoveryOptions,
): Promise<Missed> {
  const losses = new Map<string, number>();
  if (topics.length === 0 || upTo.seq <= after.seq) return { messages: [], losses };
  const lose = (topic: string, seq: number): void => {
    if (seq > after.seq) losses.set(topic, Math.max(seq, losses.get(topic) ?? 0));
  };

  const { active, kept } = await findActive(source, topics, after.seq);
  // Asked last: a channel that was forgotten meanwhile is in it.
  const floor = await readFloor(source);
  const messages: LogMessage[] = [];
  let bytes = 0;
  await inParallel([...active.values()], async ({ channel, last, topics: wanted }) => {
    const loseAll = (seq: number): void => wanted.forEach((topic) => lose(topic, seq));
    if (bytes > maxBytes) return loseAll(Math.min(last, upTo.seq));
    const history = await readChannel(source, channel, after.seq);
    if (history.epoch !== upTo.epoch) throw new Error("The log restarted while it was read");
    loseAll(Math.min(history.horizon, upTo.seq));
    for (const message of history.messages) {
      if (message.seq > upTo.seq) break;
      bytes += messageBytes(message);
      messages.push(message);
    }
  });
  for (const topic of topics) if (!kept.has(topic)) lose(topic, Math.min(floor, upTo.seq));
  return { messages: messages.toSorted((a, b) => a.seq - b.seq), losses };
}

interface Active {
  readonly channel: string;
  readonly last: number;
  readonly topics: string[];
}

/**
 * The channels of these topics that were published to after `after`, and the topics whose own state
 * the server still has.
 */
async function findActive(
  source: HistorySource,
  topics: readonly string[],
  after: number,
): Promise<{ readonly active: Map<string, Active>; readonly kept: Set<string> }> {
  const { commands, keys } = source;
  const active = new Map<string, Active>();
  const kept = new Set<string>();
  const add = (channel: string, topic: string, last: number): void => {
    const known = active.get(channel);
    if (known) known.topics.push(topic);
    else active.set(channel, { channel, last, topics: [topic] });
  };
  const exact = topics.filter((topic) => !isPattern(topic));
  for (let start = 0; start < exact.length; start += STATES_AT_ONCE) {
    const names = exact.slice(start, start + STATES_AT_ONCE);
    const fields = names.map((channel) => CHANNEL_FIELD + channel);
    const states = (await commands.send(["HMGET", keys.bus, ...fields])) as (string | null)[];
    for (const [index, state] of states.entries()) {
      const channel = names[index] as string;
      if (!state) continue;
      kept.add(channel);
      const { last } = decodeState(state);
      if (last > after) add(channel, channel, last);
    }
  }
  for (const pattern of topics.filter(isPattern)) {
    for (const [channel, { last }] of await findChannels(source, pattern)) {
      if (last > after) add(channel, pattern, last);
    }
  }
  return { active, kept };
}
