import { assertChannel, isStoredChannel } from "./channel-name.ts";
import { SseBusError } from "./errors.ts";
import {
  assertKey,
  assertStoredEvent,
  createMessage,
  type LogMessage,
  type MessageContent,
} from "./message.ts";
import type { Position } from "./position.ts";
import { assertRawData } from "./raw.ts";

export interface StoredMessageOptions {
  readonly epoch: string;
  /** Learns why a message is left out. */
  readonly onError: (error: Error) => void;
}

/**
 * Makes a message of what a shared log contains. Other programs can write to that log, so the content is
 * checked like that of a publisher: it could forge fields of the event stream, or fail in a subscriber.
 *
 * @returns `undefined` for a message that cannot be read; it is reported
 */
export function createStoredMessage(
  content: MessageContent,
  position: Position,
  { epoch, onError }: StoredMessageOptions,
): LogMessage | undefined {
  try {
    assertContent(content);
    return createMessage(content, position, epoch);
  } catch (cause) {
    onError(unreadableError(nameOf(content, position), cause as Error));
    return undefined;
  }
}

/** A message as an error names it. What another program has stored as its channel may be any JSON. */
export function nameOf({ channel }: { readonly channel: unknown }, { seq }: Position): string {
  return `Message ${seq} of ${JSON.stringify(channel)}`;
}

/** What cannot be read is left out. */
export function unreadableError(what: string, cause: Error): SseBusError {
  const text = `${what} is left out because it cannot be read: ${cause.message.replace(/\.$/, "")}. Write to the log with sse-bus only.`;
  return new SseBusError("INVALID_DATA", text, { cause });
}

function assertContent({ channel, event, key, json, raw }: MessageContent): void {
  if (!isStoredChannel(channel)) assertChannel(channel);
  assertStoredEvent(channel, event);
  if (key !== undefined) assertKey(key);
  if (typeof json !== "string" || /[\r\n]/.test(json)) throw new Error("its data is not one line");
  const data: unknown = JSON.parse(json);
  if (raw) assertRawData(data);
}
