import {
  decodeHeadMarker,
  decodeAnnouncedMessage,
  type HeadMarker,
  type AnnouncedMessage,
} from "./codec.ts";
import { isReserved, isStoredChannel } from "../core/channel-name.ts";
import type { RedisKeys } from "./keys.ts";

export interface MessageArrival {
  readonly channel: string;
  readonly message: AnnouncedMessage;
}

/** What arrives through pub/sub. */
export type Arrival = MessageArrival | { readonly marker: HeadMarker };

/** Whether the log sent both: it sends a message to a channel and to the patterns that cover it. */
export function isSameMessage(a: MessageArrival, b: MessageArrival): boolean {
  const { seq, attributes, json } = a.message;
  if (seq !== b.message.seq || a.channel !== b.channel) return false;
  return attributes === b.message.attributes && json === b.message.json;
}

/** Decodes what arrived on a pub/sub channel of the bus; `undefined` if another program has sent it. */
export function decodeArrival(
  keys: RedisKeys,
  pubSubChannel: string,
  text: string,
): Arrival | undefined {
  if (pubSubChannel === keys.headMarkers.name) {
    const marker = decodeHeadMarker(text);
    return marker && { marker };
  }
  const isOfReserved = pubSubChannel.startsWith(keys.reserved);
  const isOfAll = pubSubChannel === keys.all;
  const start = isOfReserved ? keys.reserved : keys.live;
  // On the channel of all messages, the name of the message's own channel comes first.
  const end = isOfAll ? text.indexOf("\n") : -1;
  const channel = isOfAll ? text.slice(0, Math.max(0, end)) : pubSubChannel.slice(start.length);
  const message = decodeAnnouncedMessage(text.slice(end + 1));
  const isValid = isStoredChannel(channel) && isReserved(channel) === isOfReserved;
  return message && isValid ? { channel, message } : undefined;
}
