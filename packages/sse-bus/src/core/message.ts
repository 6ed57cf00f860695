import { DEFAULT_CHANNEL } from "./channel-name.ts";
import { SseBusError } from "./errors.ts";
import { formatCursor, type Position } from "./position.ts";
import { fromDataLines, toDataLines } from "./raw.ts";

/** What is published: checked, and with its data already JSON. */
export interface MessageContent {
  readonly channel: string;
  readonly event: string;
  /** A newer message with the same channel and key supersedes this one. */
  readonly key: string | undefined;
  /** The data as one line of JSON. */
  readonly json: string;
  /** The data is a string that is sent as it is instead of as JSON. @default false */
  readonly raw?: boolean | undefined;
}

/** A message in the log: its position, and the bytes that all readers share. */
export interface LogMessage extends Position {
  readonly channel: string;
  readonly event: string;
  readonly key: string | undefined;
  /** The message encoded for the wire, once. */
  readonly frame: Uint8Array;
  /** Where in `frame` the data starts; it ends two bytes before the frame does. */
  readonly dataStart: number;
  /** See {@link MessageContent.raw}. */
  readonly raw: boolean;
  /** A newer message has the same channel and key. Only `newest-messages.ts` sets it. */
  superseded: boolean;
  /** It has no key, and neither has a newer one of its channel. Only `newest-messages.ts` sets it. */
  isOutdated: boolean;
}

/** The four events of the protocol; nobody can publish them. */
const RESERVED_EVENTS = new Set(["hello", "ping", "gap", "bye"]);

/** What one message costs beside its frame: the object, its place in two logs, its key. */
const MESSAGE_OVERHEAD_BYTES = 256;

const encoder = new TextEncoder();
/** A byte order mark at the start of raw data is part of it. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Encodes a message at its position: the one place where a message becomes bytes.
 * JSON stays on one line, as it writes CR and LF inside strings as escapes (RFC 8259 §7); raw data
 * takes a `data` line for each of its own.
 */
export function createMessage(
  content: MessageContent,
  position: Position,
  epoch: string,
): LogMessage {
  const { channel, event, key, json, raw = false } = content;
  const id = messageId(position, epoch, { channel, raw });
  const data = raw ? toDataLines(JSON.parse(json) as string) : json;
  const head = `id: ${id}\n${event === "message" ? "" : `event: ${event}\n`}data: `;
  const frame = encoder.encode(`${head}${data}\n\n`);
  return {
    seq: position.seq,
    time: position.time,
    channel,
    event,
    key,
    frame,
    dataStart: encoder.encode(head).length,
    raw,
    superseded: false,
    isOutdated: false,
  };
}

/**
 * The id a message has on the wire: its position, its channel unless that is the default, and behind
 * both whether its data is raw.
 */
export function messageId(
  position: Position,
  epoch: string,
  { channel, raw }: Pick<MessageContent, "channel" | "raw">,
): string {
  const cursor = formatCursor(position, epoch);
  if (raw) return `${cursor}@${channel}@raw`;
  return channel === DEFAULT_CHANNEL ? cursor : `${cursor}@${channel}`;
}

/** The data of a message. Each call parses it again, so that no two subscribers share an object. */
export function messageData(message: LogMessage): unknown {
  const data = dataOf(message);
  return message.raw ? fromDataLines(data) : JSON.parse(data);
}

/** The data of a message as JSON. */
export function messageJson(message: LogMessage): string {
  const data = dataOf(message);
  return message.raw ? JSON.stringify(fromDataLines(data)) : data;
}

function dataOf({ frame, dataStart }: LogMessage): string {
  return decoder.decode(frame.subarray(dataStart, frame.length - 2));
}

/** What a message counts against `maxBytes` and `maxHistoryBytes`. */
export function messageBytes(message: LogMessage): number {
  return message.frame.length + MESSAGE_OVERHEAD_BYTES;
}

/** @throws SseBusError `INVALID_EVENT_NAME` for what cannot be an event name on the wire. */
export function assertEventName(event: unknown): asserts event is string {
  assertField("INVALID_EVENT_NAME", "event", event);
  if (RESERVED_EVENTS.has(event)) {
    throw new SseBusError(
      "INVALID_EVENT_NAME",
      `\`event\` must not be "${event}": the protocol uses it itself. Choose another name.`,
    );
  }
}

/** @throws SseBusError `INVALID_KEY` */
export function assertKey(key: unknown): asserts key is string {
  assertField("INVALID_KEY", "key", key);
}

/** @throws SseBusError `INVALID_ID` */
function assertIdempotencyId(id: unknown): asserts id is string {
  assertField("INVALID_ID", "id", id);
}

/** Whether this can name who publishes. */
export function isIdentityId(id: unknown): id is string {
  return hasFieldLength(id) && isFieldText(id);
}

/**
 * The id that backends compare. Neither part holds LF, so that no two pairs have one name, and no
 * publisher has the ids of the application's own code.
 *
 * @throws SseBusError `INVALID_ID`
 */
export function idempotencyId(id: string, publisher: string | undefined): string {
  assertIdempotencyId(id);
  if (publisher === undefined) return id;
  if (publisher !== "") assertField("INVALID_ID", "publisher", publisher);
  return `${publisher}\n${id}`;
}

type FieldCode = "INVALID_EVENT_NAME" | "INVALID_KEY" | "INVALID_ID";

function assertField(code: FieldCode, name: string, value: unknown): asserts value is string {
  if (!hasFieldLength(value)) {
    throw new SseBusError(code, `\`${name}\` must be a string of 1 to 200 characters.`);
  }
  if (!isFieldText(value)) {
    throw new SseBusError(
      code,
      `\`${name}\` must not contain CR, LF, NUL or lone surrogates; put such text in \`data\`.`,
    );
  }
}

function hasFieldLength(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= 200;
}

/**
 * A line break would end the field and start another one of the attacker's choice; NUL makes browsers
 * drop an id (HTML standard §9.2.6). Refused, never stripped.
 */
function isFieldText(value: string): boolean {
  // oxlint-disable-next-line no-control-regex
  return !/[\r\n\0]/.test(value) && value.isWellFormed();
}
