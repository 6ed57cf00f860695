import { SseBusError } from "../core/errors.ts";
import { assertEventName, type MessageContent } from "../core/message.ts";
import type { NewMessage } from "../core/backend.ts";
import { assertRawData } from "../core/raw.ts";
import type { Delivery } from "./delivery.ts";
import type { HeaderValues } from "./jetstream.ts";
import type { BusSubject } from "./subjects.ts";

/**
 * A message in the stream: its data as they are, in JSON or raw, so that any NATS client can read and
 * write them; the channel and key in the subject; the rest in headers, percent-encoded, since a header
 * holds ASCII only.
 */
const WRITER = "Sse-Bus";
const EVENT = "Sse-Event";
const RAW = "Sse-Raw";
/** JetStream stores nothing for an id that it has seen before, on whatever subject of the stream. */
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
      // Encoded, an id holds no `@`: no two pairs of id and channel are one.
      [MESSAGE_ID]: id === undefined ? undefined : `${encodeURIComponent(id)}@${channel}`,
    },
  };
}

/**
 * Reads a message of the stream. What another program wrote is checked as a publisher's would be:
 * anything else than one line of JSON, or of raw data than `toDataLines` knows, could forge fields of
 * the event stream.
 *
 * @throws SseBusError `INVALID_DATA`, `INVALID_EVENT_NAME`
 */
export function readEnvelope(
  { channel, key }: BusSubject,
  { data, headers, seq, subject }: Pick<Delivery, "data" | "headers" | "seq" | "subject">,
): MessageContent {
  const encoded = headers?.get(EVENT) ?? "";
  const event = encoded === "" ? "message" : decodeHeader(encoded);
  if (event !== "message") assertEventName(event);
  const raw = headers?.get(RAW) === "1";
  let json: string;
  try {
    if (raw) json = JSON.stringify(readRaw(data));
    else if (headers?.get(WRITER) === "1") json = decoder.decode(data);
    else json = JSON.stringify(JSON.parse(decoder.decode(data)));
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

function readRaw(data: Uint8Array): string {
  const text = rawDecoder.decode(data);
  assertRawData(text);
  return text;
}

function decodeHeader(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A "%" that another program did not escape.
    return text;
  }
}
