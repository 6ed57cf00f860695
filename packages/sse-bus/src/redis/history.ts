import type { History } from "../core/backend.ts";
import { isPattern, topicCovers } from "../core/channel-name.ts";
import type { HistoryResolver } from "../core/history.ts";
import type { LogMessage } from "../core/message.ts";
import type { ServerClock } from "../core/server-clock.ts";
import type { ChannelState, StreamEntry } from "./codec.ts";
import { decodeEntry, decodeState } from "./codec.ts";
import type { Commands } from "./commands.ts";
import { CHANNEL_FIELD, escapeGlob, type Keys, toGlob } from "./keys.ts";
import { READ } from "./log-scripts.ts";

/** What history is read with. */
export interface HistorySource {
  readonly commands: Commands;
  readonly keys: Keys;
  readonly limits: HistoryResolver;
  /** Of the server. */
  readonly clock: ServerClock;
}

/** What is kept of a topic, and the log it was read from: none while the server has none. */
export interface TopicHistory extends History {
  readonly epoch: string | undefined;
}

/** A channel's messages after a position. */
export interface ChannelHistory extends TopicHistory {
  readonly seq: number;
}

const PAGE_ENTRIES = 200;
const PARALLEL_READS = 16;

/** Everything kept of a channel or pattern, up to one moment. */
export async function readTopic(source: HistorySource, topic: string): Promise<TopicHistory> {
  if (!isPattern(topic)) return readChannel(source, topic, 0);
  const { commands, keys } = source;
  // Channels are read one after the other: only what was there before the first one is whole.
  const [epoch, head] = (await commands.send(["HMGET", keys.bus, "epoch", "seq"])) as Nullable[];
  if (!epoch) return { epoch: undefined, messages: [], horizon: 0 };
  const upTo = Number(head);
  const channels = await findChannels(source, topic);
  const parts = await inParallel([...channels.keys()], async (channel) =>
    readChannel(source, channel, 0),
  );
  // Asked last: a channel that was forgotten meanwhile is in it.
  const floor = await readFloor(source);
  const isOther = parts.some((part) => part.epoch !== epoch);
  return {
    epoch: isOther ? undefined : epoch,
    horizon: parts.reduce((newest, part) => Math.max(newest, part.horizon), floor),
    messages: parts
      .flatMap(({ messages }) => messages)
      .filter(({ seq }) => seq <= upTo)
      .toSorted((a, b) => a.seq - b.seq),
  };
}

/** The channels that a pattern covers, with their states. */
export async function findChannels(
  { commands, keys }: HistorySource,
  pattern: string,
): Promise<Map<string, ChannelState>> {
  const found = new Map<string, ChannelState>();
  const match = escapeGlob(CHANNEL_FIELD) + toGlob(pattern);
  let cursor = "0";
  do {
    const step = await commands.send(["HSCAN", keys.bus, cursor, "MATCH", match, "COUNT", "1000"]);
    const [next, fields] = step as [string, string[]];
    for (let index = 0; index < fields.length; index += 2) {
      const channel = (fields[index] as string).slice(CHANNEL_FIELD.length);
      if (topicCovers(pattern, channel))
        found.set(channel, decodeState(fields[index + 1] as string));
    }
    cursor = next;
  } while (cursor !== "0");
  return found;
}

/** A channel's messages after `after`, page by page, so that no answer blocks the server for long. */
export async function readChannel(
  { commands, keys, limits }: HistorySource,
  channel: string,
  after: number,
): Promise<ChannelHistory> {
  const messages: LogMessage[] = [];
  let last = after;
  for (;;) {
    const page = await commands.run(
      READ,
      [keys.bus, keys.log(channel)],
      [channel, String(last), String(PAGE_ENTRIES)],
    );
    const [epoch, seq, horizon, now, entries] = page as [
      string,
      string,
      string,
      string,
      StreamEntry[],
    ];
    for (const entry of entries) messages.push(decodeEntry(channel, entry, epoch));
    last = messages.at(-1)?.seq ?? after;
    if (entries.length === PAGE_ENTRIES) continue;
    const kept = { messages, horizon: Number(horizon) };
    dropOld(kept, Number(now) - limits(channel).maxAgeMs);
    return { ...kept, epoch: epoch || undefined, seq: Number(seq) };
  }
}

/** The newest position of channels that the bus has forgotten. */
export async function readFloor({ commands, keys }: HistorySource): Promise<number> {
  const [floor] = (await commands.send(["HMGET", keys.bus, "floor"])) as Nullable[];
  return Number(floor ?? 0);
}

/** Maps with a bounded number under way. */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  map: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const run = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      results[index] = await map(items[index] as Item);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_READS }, run));
  return results;
}

type Nullable = string | null;

/**
 * Leaves out what is too old, or was dropped while later pages were read: what stands before the
 * horizon has holes. Both are in order, so that it is a prefix.
 */
function dropOld(history: { messages: LogMessage[]; horizon: number }, oldest: number): void {
  const { messages } = history;
  let dropped = 0;
  for (const { seq, time } of messages) {
    if (time >= oldest && seq > history.horizon) break;
    history.horizon = Math.max(history.horizon, seq);
    dropped++;
  }
  messages.splice(0, dropped);
}
