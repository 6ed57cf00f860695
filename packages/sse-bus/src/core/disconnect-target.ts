import { assertTopic, isTopic } from "./channel-name.ts";
import { SseBusError } from "./errors.ts";
import { isIdentityId } from "./message.ts";
import { topicsOverlap } from "./topics-overlap.ts";

/** Which streams `bus.disconnect` ends: those that match every given field. At least one is required. */
export interface DisconnectTarget {
  /** Streams of this identity: the `id` of what `authorize` returned. */
  readonly identity?: string;
  /** The stream with this `connection` in its `hello`. */
  readonly connection?: string;
  /** Streams that carry this channel. A pattern matches every stream that may carry a channel it covers. */
  readonly channel?: string;
}

/** Options of `bus.disconnect`. */
export interface DisconnectOptions {
  /**
   * Why, for the client: `code` of its `bye`, 1 to 64 of `A-Z a-z 0-9 . _ -`, such as `SESSION_ENDED`.
   * @default none
   */
  readonly code?: string | undefined;
}

/** A disconnect as instances send it to each other. */
export interface Disconnect extends DisconnectTarget {
  readonly code?: string;
}

/** A stream, open or still being opened. */
export interface DisconnectedStream {
  readonly channels: readonly string[];
  /** The channels whose presence it delivers. */
  readonly follows?: readonly string[];
  readonly identity?: { readonly id: string } | undefined;
  /** Absent until the stream has one. */
  readonly id?: string;
}

const CODE = /^[\w.-]{1,64}$/;
const FIELDS: ReadonlySet<string> = new Set(["identity", "connection", "channel"]);

/**
 * Checks what the application gave. A field that is `undefined` is refused, and so is an unknown one: without
 * it, the call would end streams that it was not meant for.
 *
 * @throws SseBusError `INVALID_OPTION`, `INVALID_CHANNEL`
 */
export function assertDisconnect(
  target: DisconnectTarget,
  { code }: DisconnectOptions,
): asserts target is Disconnect {
  const given = Object.entries(target ?? {});
  if (given.length === 0) throw invalid("needs `identity`, `connection` or `channel`: give one.");
  for (const [name, value] of given as [string, unknown][]) {
    if (!FIELDS.has(name)) throw invalid(`has no field \`${name}\`: remove it.`);
    if (name === "channel") assertTopic(value);
    else if (!isIdentityId(value)) {
      throw invalid(`needs a \`${name}\` of 1 to 200 bytes of text: leave it out, or give one.`);
    }
  }
  if (code === undefined || isCode(code)) return;
  throw invalid("takes a `code` of 1 to 64 of A-Z a-z 0-9 . _ -.");
}

/** Reads a disconnect from the log, to which other programs can write; `undefined` if it is not one. */
export function readDisconnect(data: unknown): Disconnect | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const { identity, connection, channel, code } = data as Record<string, unknown>;
  const isValid =
    (identity !== undefined || connection !== undefined || channel !== undefined) &&
    (identity === undefined || isIdentityId(identity)) &&
    (connection === undefined || isIdentityId(connection)) &&
    (channel === undefined || isTopic(channel)) &&
    (code === undefined || isCode(code));
  if (!isValid) return undefined;
  return {
    ...(identity !== undefined && { identity }),
    ...(connection !== undefined && { connection }),
    ...(channel !== undefined && { channel: channel as string }),
    ...(code !== undefined && { code }),
  };
}

/** The expression alone would accept what only becomes such a text, as `null` and 401 do. */
function isCode(code: unknown): code is string {
  return typeof code === "string" && CODE.test(code);
}

/** Whether a disconnect is meant for a stream. */
export function isMeant(disconnect: Disconnect, stream: DisconnectedStream): boolean {
  const { identity, connection, channel } = disconnect;
  return (
    (identity === undefined || identity === stream.identity?.id) &&
    (connection === undefined || connection === stream.id) &&
    (channel === undefined || carries(stream, channel))
  );
}

function carries({ channels, follows }: DisconnectedStream, channel: string): boolean {
  const overlaps = (topic: string): boolean => topicsOverlap(topic, channel);
  return channels.some(overlaps) || (follows?.some(overlaps) ?? false);
}

function invalid(what: string): SseBusError {
  return new SseBusError("INVALID_OPTION", `bus.disconnect ${what}`);
}
