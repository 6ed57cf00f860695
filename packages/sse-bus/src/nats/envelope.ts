import { SseBusError } from "../core/errors.ts";
import { assertEventName, type MessageRecord } from "../core/message.ts";
import type { PublishEntry } from "../core/backend.ts";
import type { Delivery } from "./delivery.ts";
import type { HeaderValues } from "./jetstream.ts";
import type { BusSubject } from "./subjects.ts";

/**
 * A message in the stream: its data as they are, in JSON, so that any NATS client can read and write
 * them; the channel and key in the subject; the rest in headers, percent-encoded, since a header
 * holds ASCII only.
 */
const WRITER = "Sse-Bus";
const EVENT = "Sse-Event";
/** JetStream stores nothing for an id that it has seen before, on whatever subject of the stream. */
const MESSAGE_ID = "Nats-Msg-Id";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function writeEnvelope({ channel, event, json, id }: PublishEntry): {
  readonly payload: Uint8Array;
  readonly headers: HeaderValues;
} {
  return {
    payload: encoder.encode(json),
    headers: {
      [WRITER]: "1",
      [EVENT]: event === "message" ? undefined : encodeURIComponent(event),
      // Encoded, an id holds no `@`: no two pairs of id and channel are one.
      [MESSAGE_ID]: id === undefined ? undefined : `${encodeURIComponent(id)}@${channel}`,
    },
  };
}

/**
 * Reads a message of the stream. What another program wrote is checked as a publisher's would be:
 * anything else than one line of JSON could forge fields of the event stream.
 *
 * @throws SseBusError `INVALID_DATA`, `INVALID_EVENT_NAME`
 */
export function readEnvelope(
  { channel, key }: BusSubject,
  { data, headers, seq, subject }: Pick<Delivery, "data" | "headers" | "seq" | "subject">,
): MessageRecord {
  const encoded = headers?.get(EVENT) ?? "";
  const event = encoded === "" ? "message" : decodeHeader(encoded);
  if (event !== "message") assertEventName(event);
  let json = decoder.decode(data);
  if (headers?.get(WRITER) !== "1") {
    try {
      json = JSON.stringify(JSON.parse(json));
    } catch (cause) {
      throw new SseBusError(
        "INVALID_DATA",
        `Message ${seq} on "${subject}" is not JSON and is left out: publish JSON there.`,
        { cause },
      );
    }
  }
  return { channel, event, key, json };
}

function decodeHeader(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A "%" that another program did not escape.
    return text;
  }
}
