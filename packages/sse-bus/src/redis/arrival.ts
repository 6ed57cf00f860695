import { decodeHeadMarker, decodeLiveMessage, type HeadMarker, type LiveMessage } from "./codec.ts";
import { isPattern, isTopic } from "../core/channel-name.ts";
import type { RedisKeys } from "./keys.ts";

/** What arrives through pub/sub. */
export type Arrival =
  | { readonly channel: string; readonly message: LiveMessage }
  | { readonly marker: HeadMarker };

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
  const isOfAll = pubSubChannel === keys.all;
  // On the channel of all messages, the name of the message's own channel comes first.
  const end = isOfAll ? text.indexOf("\n") : -1;
  const channel = isOfAll ? text.slice(0, Math.max(0, end)) : pubSubChannel.slice(keys.live.length);
  const message = decodeLiveMessage(text.slice(end + 1));
  return message && isTopic(channel) && !isPattern(channel) ? { channel, message } : undefined;
}
