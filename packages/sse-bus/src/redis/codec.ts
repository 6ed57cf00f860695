import { createMessage, type LogMessage, type MessageContent } from "../core/message.ts";
import type { Cursor } from "../core/position.ts";

/** A message on its way through pub/sub, or a marker. */
export interface LiveItem extends Cursor {
  /** The position of the channel's message before this one. */
  readonly previous: number;
  readonly head: string;
  readonly json: string;
}

/** What proves that everything up to a position has been received. */
export interface Mark extends Cursor {
  readonly token: string;
}

/** What there is to know of a message beside its data; nothing for the most common kind. */
export function encodeHead({
  event,
  key,
  raw,
}: Pick<MessageContent, "event" | "key" | "raw">): string {
  if (raw) return JSON.stringify([event, key ?? null, "raw"]);
  if (key !== undefined) return JSON.stringify([event, key]);
  return event === "message" ? "" : JSON.stringify([event]);
}

/** Reads "epoch seq time previous", a head and the data, each on a line. */
export function decodeLive(text: string): LiveItem {
  const first = text.indexOf("\n");
  const second = text.indexOf("\n", first + 1);
  const [epoch = "", seq, time, previous] = text.slice(0, first).split(" ");
  return {
    epoch,
    seq: Number(seq),
    time: Number(time),
    previous: Number(previous),
    head: text.slice(first + 1, second),
    json: text.slice(second + 1),
  };
}

export function decodeMark(text: string): Mark {
  const [epoch = "", seq, time, token = ""] = text.split(" ");
  return { epoch, seq: Number(seq), time: Number(time), token };
}

type Head = [event: string, key?: string | null, form?: string];

/** The message of a live item or a stream entry. */
export function toMessage(
  channel: string,
  { head, json, ...cursor }: Cursor & { readonly head: string; readonly json: string },
): LogMessage {
  const [event = "message", key, form] = head === "" ? [] : (JSON.parse(head) as Head);
  const record = { channel, event, key: key ?? undefined, json, raw: form === "raw" };
  return createMessage(record, cursor, cursor.epoch);
}

/** An entry of a stream as XRANGE gives it. */
export type StreamEntry = readonly [id: string, fields: readonly string[]];

export function decodeEntry(channel: string, [id, fields]: StreamEntry, epoch: string): LogMessage {
  const [, time, , head = "", , json = ""] = fields;
  const seq = Number(id.slice(0, id.indexOf("-")));
  return toMessage(channel, { seq, time: Number(time), epoch, head, json });
}

/** What the bus's hash holds of a channel; see the publish script. */
export interface ChannelState {
  /** Its newest position. */
  readonly last: number;
  /** When it was last published to, in ms. */
  readonly at: number;
}

export function decodeState(text: string): ChannelState {
  const parts = text.split(" ");
  return { last: Number(parts[0]), at: Number(parts[5]) };
}
