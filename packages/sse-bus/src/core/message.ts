import { DEFAULT_CHANNEL } from "./channel-name.ts";
import { SseBusError } from "./errors.ts";
import { formatCursor, type Position } from "./position.ts";
import { fromDataLines, toDataLines } from "./raw.ts";

/** The validated content of a message, with its data encoded as JSON. */
export interface MessageContent {
  readonly channel: string;
  readonly event: string;
  /** A newer message with the same channel and key supersedes this one. */
  readonly key: string | undefined;
  /** The data as one line of JSON. */
  readonly json: string;
  /** The data is a string that is sent as plain text instead of JSON. @default false */
  readonly raw?: boolean | undefined;
}

/** A message in the log: its position and its frame, which all readers share. */
export interface LogMessage extends Position {
  readonly channel: string;
  readonly event: string;
  readonly key: string | undefined;
  /** The message encoded for the wire, once. */
  readonly frame: Uint8Array;
  /** The offset of the data in `frame`. The data ends two bytes before the end of the frame. */
  readonly dataStart: number;
  /** See {@link MessageContent.raw}. */
  readonly raw: boolean;
  /** A newer message has the same channel and key. Only `newest-messages.ts` sets it. */
  superseded: boolean;
  /**
   * The message has no key, and its channel has a newer one without a key. Only `newest-messages.ts` sets it.
   */
  isOutdated: boolean;
}

/** The four events of the protocol, which cannot be published. */
const RESERVED_EVENTS = new Set(["hello", "ping", "gap", "bye"]);

/** The memory of one message besides its frame: the object, its entries in two logs, its key. */
const MESSAGE_OVERHEAD_BYTES = 256;

const encoder = new TextEncoder();
/** A byte order mark at the start of raw data is part of the data. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Encodes a message at its position, once for all readers. JSON fits on one line, because it escapes CR and
 * LF in strings (RFC 8259 §7). Raw data has one `data` line for each line of text.
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
 * The id of a message on the wire: its cursor, then its channel unless that is the default one. For raw data,
 * the channel is always present and `@raw` follows it.
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

/** The data of a message. Each call parses it again, so that subscribers never share an object. */
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

/** The size of a message as `maxBytes` and `maxHistoryBytes` count it. */
export function messageBytes(message: LogMessage): number {
  return message.frame.length + MESSAGE_OVERHEAD_BYTES;
}

/** @throws SseBusError `INVALID_EVENT_NAME` unless `event` can be an event name on the wire. */
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

/** Whether `id` can be the id of a publisher. */
export function isIdentityId(id: unknown): id is string {
  return hasFieldLength(id) && isFieldText(id);
}

/**
 * The id that backends compare. Neither part contains LF, so different pairs never have the same result. Ids
 * of the application's own code have no publisher and no LF, so no publisher can use them.
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
 * A line break would end the field, and an attacker could start another one. Browsers ignore an id that
 * contains NUL (HTML standard §9.2.6). Such text is rejected instead of stripped, so that no value changes
 * silently.
 */
function isFieldText(value: string): boolean {
  // oxlint-disable-next-line no-control-regex
  return !/[\r\n\0]/.test(value) && value.isWellFormed();
}
