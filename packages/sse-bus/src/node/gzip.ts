import { constants, deflateRawSync } from "node:zlib";
import type { Codec } from "../core/codec.ts";
import { storeBytes, storedLength } from "../http/gzip-format.ts";

/**
 * Compresses each packet to whole blocks of deflate (RFC 1951). Synchronous, because packets must leave in their
 * order.
 */
export const gzip: Codec = {
  name: "gzip",
  // Room for the last message of each of fifty keys. Twice as much takes twice as long and saves little.
  windowBytes: 7680,
  // A packet with a window takes as long as about ten deliveries (docs/performance.md).
  minReaders: 16,
  encode(bytes, window) {
    const isAlone = window.length === 0;
    if (isAlone && bytes.length < MIN_BYTES_ALONE) return storeBytes(bytes);
    const deflated = deflateRawSync(bytes, {
      ...(bytes.length <= MAX_SMALL ? SMALL : LARGE),
      ...(!isAlone && { dictionary: window }),
      finishFlush: constants.Z_SYNC_FLUSH,
    });
    return deflated.length < storedLength(bytes.length) ? deflated : storeBytes(bytes);
  },
};

/** A short message by itself does not get smaller. */
const MIN_BYTES_ALONE = 256;
const MAX_SMALL = 8192;

/** Less memory to allocate and clear for each packet, which takes longer than compressing a small one. */
const SMALL = { level: 6, windowBits: 13, memLevel: 6, chunkSize: 1024 };
const LARGE = { level: 3, chunkSize: 16_384 };
