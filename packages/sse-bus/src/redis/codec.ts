import { createMessage, type LogMessage, type MessageContent } from "../core/message.ts";
import type { Cursor } from "../core/position.ts";

/** A message as pub/sub carries it. */
export interface LiveMessage extends Cursor {
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

/** Decodes three lines: "epoch seq time previous", the attributes, the data. */
export function decodeLiveMessage(text: string): LiveMessage {
  const first = text.indexOf("\n");
  const second = text.indexOf("\n", first + 1);
  const [epoch = "", seq, time, previous] = text.slice(0, first).split(" ");
  return {
    epoch,
    seq: Number(seq),
    time: Number(time),
    previous: Number(previous),
    attributes: text.slice(first + 1, second),
    json: text.slice(second + 1),
  };
}

export function decodeHeadMarker(text: string): HeadMarker {
  const [epoch = "", seq, time, token = ""] = text.split(" ");
  return { epoch, seq: Number(seq), time: Number(time), token };
}

type Attributes = [event: string, key?: string | null, form?: string];

export function toMessage(
  channel: string,
  { attributes, json, ...cursor }: Omit<LiveMessage, "previous">,
): LogMessage {
  const [event = "message", key, form] =
    attributes === "" ? [] : (JSON.parse(attributes) as Attributes);
  const record = { channel, event, key: key ?? undefined, json, raw: form === "raw" };
  return createMessage(record, cursor, cursor.epoch);
}

/** An entry of a Redis stream, as XRANGE returns it. */
export type StreamEntry = readonly [id: string, fields: readonly string[]];

export function decodeEntry(channel: string, [id, fields]: StreamEntry, epoch: string): LogMessage {
  const [, time, , attributes = "", , json = ""] = fields;
  const seq = Number(id.slice(0, id.indexOf("-")));
  return toMessage(channel, { seq, time: Number(time), epoch, attributes, json });
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
