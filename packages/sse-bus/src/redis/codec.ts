import type { LogMessage, MessageContent } from "../core/message.ts";
import type { Cursor } from "../core/position.ts";
import { createStoredMessage, unreadableError } from "../core/stored-message.ts";

/** A message as pub/sub carries it. */
export interface AnnouncedMessage extends Cursor {
  /** The position of the previous message of the same channel. */
  readonly previous: number;
  /** See {@link encodeAttributes}. */
  readonly attributes: string;
  readonly json: string;
}

/**
 * The head of the log, sent through the same pub/sub connection as the messages. Redis delivers in
 * order, so an instance that receives it has received every message up to this position.
 */
export interface HeadMarker extends Cursor {
  /** The instance that asked for it, and the number of the request. */
  readonly token: string;
}

/** Event, key and `raw` of a message. Empty for the most common case: event `message`, JSON, no key. */
export function encodeAttributes({
  event,
  key,
  raw,
}: Pick<MessageContent, "event" | "key" | "raw">): string {
  if (raw) return JSON.stringify([event, key ?? null, "raw"]);
  if (key !== undefined) return JSON.stringify([event, key]);
  return event === "message" ? "" : JSON.stringify([event]);
}

/**
 * Decodes three lines: "epoch seq time previous", the attributes, the data. `undefined` without a valid
 * position: another program has sent it.
 */
export function decodeAnnouncedMessage(text: string): AnnouncedMessage | undefined {
  const first = text.indexOf("\n");
  const second = text.indexOf("\n", first + 1);
  if (first < 0 || second < 0) return undefined;
  const [epoch, seq, time, last] = text.slice(0, first).split(" ");
  const cursor = decodeCursor(epoch, seq, time);
  const previous = decodeInteger(last);
  if (!cursor || !(previous < cursor.seq)) return undefined;
  const attributes = text.slice(first + 1, second);
  return { ...cursor, previous, attributes, json: text.slice(second + 1) };
}

/** `undefined` without a valid position: another program has sent it. */
export function decodeHeadMarker(text: string): HeadMarker | undefined {
  const [epoch, seq, time, token = ""] = text.split(" ");
  const cursor = decodeCursor(epoch, seq, time);
  return cursor && { ...cursor, token };
}

function decodeCursor(epoch = "", seqText = "", timeText = ""): Cursor | undefined {
  const seq = decodeInteger(seqText);
  const time = decodeInteger(timeText);
  if (Number.isNaN(seq + time) || !/^[0-9a-z]{1,16}$/.test(epoch)) return undefined;
  return { epoch, seq, time };
}

/** NaN for what is not a whole number from 0. */
function decodeInteger(text = ""): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}

type Attributes = [event: string, key?: string | null, form?: string];

/** `undefined` for a message that cannot be read; it is reported to `onError`. */
export function toMessage(
  channel: string,
  { attributes, json, ...cursor }: Omit<AnnouncedMessage, "previous">,
  onError: (error: Error) => void,
): LogMessage | undefined {
  let parsed: Partial<Attributes>;
  try {
    parsed = attributes === "" ? [] : decodeAttributes(attributes);
  } catch (cause) {
    onError(unreadableError(`Message ${cursor.seq} of "${channel}"`, cause as Error));
    return undefined;
  }
  const [event = "message", key, form] = parsed;
  const content = { channel, event, key: key ?? undefined, json, raw: form === "raw" };
  return createStoredMessage(content, cursor, { epoch: cursor.epoch, onError });
}

function decodeAttributes(text: string): Attributes {
  const parsed: unknown = JSON.parse(text);
  if (Array.isArray(parsed)) return parsed as unknown as Attributes;
  throw new Error("its attributes are not a list");
}

/** An entry of a Redis stream, as XRANGE returns it. */
export type StreamEntry = readonly [id: string, fields: readonly string[]];

/** The position of an entry. */
export function entrySeq([id]: StreamEntry): number {
  return Number(id.slice(0, id.indexOf("-")));
}

/** `undefined` for an entry that cannot be read; it is reported to `onError`. */
export function decodeEntry(
  channel: string,
  entry: StreamEntry,
  { epoch, onError }: { readonly epoch: string; readonly onError: (error: Error) => void },
): LogMessage | undefined {
  const [, time, , attributes = "", , json = ""] = entry[1];
  const cursor = { seq: entrySeq(entry), time: Number(time), epoch };
  return toMessage(channel, { ...cursor, attributes, json }, onError);
}

/** What the hash of the bus holds for a channel; see `publish-script.ts`. */
export interface ChannelState {
  /** The position of its newest message. */
  readonly last: number;
  /** The time of its newest publish, in ms. */
  readonly at: number;
}

export function decodeState(text: string): ChannelState {
  const parts = text.split(" ");
  return { last: Number(parts[0]), at: Number(parts[5]) };
}
