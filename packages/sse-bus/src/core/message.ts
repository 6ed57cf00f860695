import { DEFAULT_CHANNEL, isReserved } from "./channel-name.ts";
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

/** The four events of the protocol. */
const PROTOCOL_EVENTS = new Set(["hello", "ping", "gap", "bye"]);

/**
 * `EventSource` dispatches these when its connection opens or fails. A message of that name would call the same
 * listeners, so a publisher could fake a failure.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
 */
const EVENT_SOURCE_EVENTS = new Set(["error", "open"]);

/** The memory of one message besides its frame: the object, its entries in two logs, its key. */
const MESSAGE_OVERHEAD_BYTES = 256;

/** Of a head, only the event may be anything else. */
// oxlint-disable-next-line no-control-regex
const ASCII = /^[\0-\x7f]*$/;

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
    // Most heads are ASCII: each character is a byte.
    dataStart: ASCII.test(event) ? head.length : encoder.encode(head).length,
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

/** @throws SseBusError `INVALID_EVENT_NAME` unless `event` can be published. */
export function assertEventName(event: unknown): asserts event is string {
  assertReservedEvent(event);
  if (EVENT_SOURCE_EVENTS.has(event)) {
    throw reservedName(event, "EventSource dispatches an event of this name for its connection");
  }
  if (event === "presence") throw reservedName(event, PROTOCOL_REASON);
}

/**
 * Checks the event of a message that a shared log contains. An older version may have stored the names of
 * `EventSource`'s own events: they are still delivered.
 *
 * @throws SseBusError `INVALID_EVENT_NAME`
 */
export function assertStoredEvent(channel: string, event: string): void {
  if (isReserved(channel)) assertReservedEvent(event);
  else if (event !== "message" && !EVENT_SOURCE_EVENTS.has(event)) assertEventName(event);
}

/**
 * Events of reserved channels may have names that cannot be published, but not those of the protocol.
 *
 * @throws SseBusError `INVALID_EVENT_NAME`
 */
export function assertReservedEvent(event: unknown): asserts event is string {
  assertField("INVALID_EVENT_NAME", "event", event);
  if (PROTOCOL_EVENTS.has(event)) throw reservedName(event, PROTOCOL_REASON);
}

const PROTOCOL_REASON = "the protocol uses it itself";

function reservedName(event: string, reason: string): SseBusError {
  return new SseBusError(
    "INVALID_EVENT_NAME",
    `\`event\` must not be "${event}": ${reason}. Choose another name.`,
  );
}

/** @throws SseBusError `INVALID_KEY` */
export function assertKey(key: unknown): asserts key is string {
  assertField("INVALID_KEY", "key", key);
}

/** @throws SseBusError `INVALID_ID` */
function assertIdempotencyId(id: unknown): asserts id is string {
  assertField("INVALID_ID", "id", id);
}

/** Whether `id` can be the id of an identity: a publisher whose id is at most 200 bytes. */
export function isIdentityId(id: unknown): id is string {
  return hasFieldLength(id) && isFieldText(id) && encoder.encode(id).length <= 200;
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
