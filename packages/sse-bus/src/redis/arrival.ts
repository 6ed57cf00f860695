import { decodeHeadMarker, decodeLiveMessage, type HeadMarker, type LiveMessage } from "./codec.ts";
import type { RedisKeys } from "./keys.ts";

/** What arrives through pub/sub. */
export type Arrival =
  | { readonly channel: string; readonly message: LiveMessage }
  | { readonly marker: HeadMarker };

/** Decodes what arrived on a pub/sub channel of the bus. */
export function decodeArrival(keys: RedisKeys, pubSubChannel: string, text: string): Arrival {
  if (pubSubChannel === keys.headMarkers.name) return { marker: decodeHeadMarker(text) };
  if (pubSubChannel !== keys.all) {
    const channel = pubSubChannel.slice(keys.live.length);
    return { channel, message: decodeLiveMessage(text) };
  }
  // The channel of all messages: the name of the message's own channel comes first.
  const end = text.indexOf("\n");
  return { channel: text.slice(0, end), message: decodeLiveMessage(text.slice(end + 1)) };
}
