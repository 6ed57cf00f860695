import { limitConcurrency } from "../backend-shared/limit-concurrency.ts";
import type { History, ChannelPage } from "../core/backend.ts";
import { isPattern, topicCovers } from "../core/channel-name.ts";
import type { HistoryResolver } from "../core/history.ts";
import type { LogMessage } from "../core/message.ts";
import type { ServerClock } from "../core/server-clock.ts";
import { READ_PAGE } from "./channel-scripts.ts";
import {
  type ChannelState,
  decodeEntry,
  decodeState,
  entrySeq,
  type StreamEntry,
} from "./codec.ts";
import type { RedisCommands } from "./commands.ts";
import { CHANNEL_FIELD, escapeGlob, floorField, type RedisKeys, toGlob } from "./keys.ts";

/** What is needed to read the log. */
export interface RedisLogAccess {
  readonly commands: RedisCommands;
  readonly keys: RedisKeys;
  readonly limits: HistoryResolver;
  readonly clock: ServerClock;
  /** Learns about entries that cannot be read. */
  readonly onError: (error: Error) => void;
}

/** The history of a topic. The epoch is `undefined` while the server has no log. */
export interface TopicHistory extends History {
  readonly epoch: string | undefined;
}

/** The messages of a channel after a position. */
export interface ChannelHistory extends TopicHistory {
  readonly seq: number;
}

const PAGE_ENTRIES = 200;
const PAGE_BYTES = 4_194_304;
/** Channels read at once. */
export const PARALLEL_READS = 16;

/** The whole history of a channel or pattern, as of one moment. */
export async function readTopicHistory(
  access: RedisLogAccess,
  topic: string,
): Promise<TopicHistory> {
  if (!isPattern(topic)) return readChannelHistory(access, topic, 0);
  const { commands, keys } = access;
  // Channels are read one after the other: the result is complete only up to the head before the first.
  const [epoch, head] = (await commands.send(["HMGET", keys.bus, "epoch", "seq"])) as Nullable[];
  if (!epoch) return { epoch: undefined, messages: [], horizon: 0 };
  const upTo = Number(head);
  const channels = await findChannels(access, topic);
  const limit = limitConcurrency(PARALLEL_READS);
  const parts = await Promise.all(
    Array.from(channels.keys(), (channel) =>
      limit(async () => readChannelHistory(access, channel, 0)),
    ),
  );
  // Read last, so that it covers channels that were deleted while the others were read.
  const floor = await readFloor(access, floorField(topic));
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

/** The channels that a pattern covers, and their states. */
export async function findChannels(
  { commands, keys }: RedisLogAccess,
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

/** The messages of a channel after `after`, in pages, so that no script blocks the server for long. */
export async function readChannelHistory(
  access: RedisLogAccess,
  channel: string,
  after: number,
): Promise<ChannelHistory> {
  const messages: LogMessage[] = [];
  let last = after;
  for (;;) {
    const page = await readEntries(access, channel, { after: last, maxBytes: PAGE_BYTES });
    messages.push(...page.messages);
    ({ last } = page);
    if (!page.isLast) continue;
    const kept = { messages, horizon: page.horizon };
    dropOld(kept, page.oldest);
    return { ...kept, epoch: page.epoch, seq: page.seq };
  }
}

/** The next messages of a channel, of about `maxBytes`. */
export async function readChannelPage(
  access: RedisLogAccess,
  channel: string,
  place: { readonly after: number; readonly maxBytes: number },
): Promise<ChannelPage & Pick<TopicHistory, "epoch">> {
  let { after } = place;
  for (;;) {
    const page = await readEntries(access, channel, { ...place, after });
    const { messages, isLast, epoch } = page;
    dropOld({ messages, horizon: page.horizon }, page.oldest);
    // All messages of a page may be too old.
    if (messages.length > 0 || isLast) return { messages, isLast, epoch };
    after = page.last;
  }
}

interface EntriesPage {
  readonly messages: LogMessage[];
  /** The position of the last entry, or the one to read after if there was none. */
  readonly last: number;
  readonly isLast: boolean;
  readonly horizon: number;
  /** Older messages are too old. */
  readonly oldest: number;
  readonly epoch: string | undefined;
  readonly seq: number;
}

async function readEntries(
  { commands, keys, limits, onError }: RedisLogAccess,
  channel: string,
  { after, maxBytes }: { readonly after: number; readonly maxBytes: number },
): Promise<EntriesPage> {
  const size = [String(PAGE_ENTRIES), String(maxBytes)];
  const answer = await commands.run(
    READ_PAGE,
    [keys.bus, keys.log(channel)],
    [channel, String(after), ...size, floorField(channel)],
  );
  const [epoch, seq, horizon, now, entries, newest] = answer as [
    string,
    string,
    string,
    string,
    StreamEntry[],
    string,
  ];
  const entry = entries.at(-1);
  const last = entry ? entrySeq(entry) : after;
  return {
    messages: entries.flatMap((entry) => decodeEntry(channel, entry, { epoch, onError }) ?? []),
    last,
    isLast: !entry || last >= Number(newest),
    horizon: Number(horizon),
    oldest: Number(now) - limits(channel).maxAgeMs,
    epoch: epoch || undefined,
    seq: Number(seq),
  };
}

/** The newest position of all channels whose state was deleted. See {@link floorField}. */
export async function readFloor(
  { commands, keys }: RedisLogAccess,
  field: string,
): Promise<number> {
  const [floor] = (await commands.send(["HMGET", keys.bus, field])) as Nullable[];
  return Number(floor ?? 0);
}

type Nullable = string | null;

/**
 * Removes the start of the history: messages that are too old, and messages up to the horizon, some
 * of which may have been dropped between two pages.
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
