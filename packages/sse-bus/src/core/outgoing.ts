import type { NewMessage, Pending, Stored } from "./backend.ts";
import type { MutableOptions } from "./bus-internals.ts";
import type { PendingPublish, Published, PublishOptions } from "./bus-types.ts";
import { assertChannel, DEFAULT_CHANNEL } from "./channel-name.ts";
import { encodeData } from "./encode-data.ts";
import { assertEventName, assertKey, idempotencyId, messageId } from "./message.ts";
import { validate } from "./schema.ts";

/** A validated message, as it is stored and as its publisher gets it back. */
export interface Outgoing {
  readonly encoded: NewMessage;
  readonly data: unknown;
}

/** What a bus checks messages against. */
export interface MessageRules {
  readonly options: MutableOptions;
  readonly maxMessageBytes: number;
}

/**
 * Validates a message. A promise if, and only if, its validator is asynchronous.
 *
 * @throws SseBusError what `bus.publish` throws for a message
 */
export function prepare(
  { options: { schemas }, maxMessageBytes }: MessageRules,
  data: unknown,
  given: PublishOptions,
): Outgoing | Promise<Outgoing> {
  const { channel = DEFAULT_CHANNEL, event = "message", key } = given;
  assertChannel(channel);
  assertEventName(event);
  if (key !== undefined) assertKey(key);
  const id = given.id === undefined ? undefined : idempotencyId(given.id, given.publisher);
  const encode = (checked: unknown): Outgoing => {
    const { json, raw } = encodeData(checked, given.raw, maxMessageBytes);
    return { encoded: { channel, event, key, json, raw, id }, data: checked };
  };
  const checked = validate(schemas, channel, event, data);
  // Only a validator may be asynchronous: a promise given as data is refused, as it is not JSON.
  return schemas && checked instanceof Promise ? checked.then(encode) : encode(checked);
}

/** What the publisher gets for a stored message. */
export function toPublished(
  { encoded, data }: Outgoing,
  stored: Stored | Pending,
): Published | PendingPublish {
  const { channel, event, key } = encoded;
  const isRepeat = stored.duplicate && { duplicate: true as const };
  if ("pending" in stored) {
    return { channel, event, data, ...(key !== undefined && { key }), ...isRepeat, pending: true };
  }
  const id = messageId(stored, stored.epoch, encoded);
  const { time } = stored;
  // Most messages: without the cost of spreading.
  if (key === undefined && !isRepeat) return { id, channel, event, data, time };
  return { id, channel, event, data, ...(key !== undefined && { key }), ...isRepeat, time };
}
