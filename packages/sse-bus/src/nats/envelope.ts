import { SseBusError } from "../core/errors.ts";
import { assertStoredEvent, type MessageContent } from "../core/message.ts";
import type { NewMessage } from "../core/backend.ts";
import { assertRawData } from "../core/raw.ts";
import type { Delivery } from "./delivery.ts";
import type { HeaderValues } from "./jetstream-types.ts";
import type { BusSubject } from "./subjects.ts";

/**
 * The form of a message in the JetStream stream. Its payload is the data, as JSON or raw, so any NATS
 * client can read and write it. The subject contains channel and key. Headers contain the rest,
 * percent-encoded because headers are ASCII.
 */
const WRITER = "Sse-Bus";
const EVENT = "Sse-Event";
const RAW = "Sse-Raw";
/** JetStream stores no second message with the same id, on any subject of the stream. */
const MESSAGE_ID = "Nats-Msg-Id";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** A byte order mark at the start of raw data is part of it. */
const rawDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

export function writeEnvelope({ channel, event, json, raw, id }: NewMessage): {
  readonly payload: Uint8Array;
  readonly headers: HeaderValues;
} {
  return {
    payload: encoder.encode(raw ? (JSON.parse(json) as string) : json),
    headers: {
      [WRITER]: "1",
      [RAW]: raw ? "1" : undefined,
      [EVENT]: event === "message" ? undefined : encodeURIComponent(event),
      // An encoded id contains no `@`, so two different pairs never make the same id.
      [MESSAGE_ID]: id === undefined ? undefined : `${encodeURIComponent(id)}@${channel}`,
    },
  };
}

/**
 * Decodes a message of the stream. Messages of other programs are validated like those of a
 * publisher: data that is not one line of JSON, or valid raw data, could forge fields of the event
 * stream.
 *
 * @throws SseBusError `INVALID_DATA`, `INVALID_EVENT_NAME`
 */
export function readEnvelope(
  { channel, key }: BusSubject,
  { data, headers, seq, subject }: Pick<Delivery, "data" | "headers" | "seq" | "subject">,
): MessageContent {
  const encoded = headers?.get(EVENT) ?? "";
  const event = encoded === "" ? "message" : decodeHeader(encoded);
  assertStoredEvent(channel, event);
  const raw = headers?.get(RAW) === "1";
  let json: string;
  try {
    if (raw) json = JSON.stringify(readRaw(data));
    else json = readJson(decoder.decode(data), headers?.get(WRITER) === "1");
  } catch (cause) {
    const what = raw ? `cannot be sent as it is: ${(cause as Error).message}` : "is not JSON";
    throw new SseBusError(
      "INVALID_DATA",
      `Message ${seq} on "${subject}" is left out because it ${what}. Publish JSON there, or text with the header ${RAW}: 1.`,
      { cause },
    );
  }
  return { channel, event, key, json, raw };
}

/** What sse-bus has written stays as it is. Other programs may use several lines. */
function readJson(text: string, isOwn: boolean): string {
  const data: unknown = JSON.parse(text);
  return isOwn && !/[\r\n]/.test(text) ? text : JSON.stringify(data);
}

function readRaw(data: Uint8Array): string {
  const text = rawDecoder.decode(data);
  assertRawData(text);
  return text;
}

function decodeHeader(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Another program wrote a "%" without escaping it.
    return text;
  }
}
