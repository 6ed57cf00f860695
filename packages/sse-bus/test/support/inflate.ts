import { constants, inflateRawSync } from "node:zlib";

/** A client that decodes the compressed packets of one stream, in their order. */
export interface Inflater {
  inflate(bytes: Uint8Array): Uint8Array;
}

/** The most that deflate refers back to (RFC 1951 §2). */
const WINDOW_BYTES = 32_768;

export function createInflater(): Inflater {
  let window = Buffer.alloc(0);
  return {
    inflate(bytes) {
      const inflated = inflateRawSync(bytes, {
        finishFlush: constants.Z_SYNC_FLUSH,
        ...(window.length > 0 && { dictionary: window }),
      });
      window = Buffer.concat([window, inflated]).subarray(-WINDOW_BYTES);
      return inflated;
    },
  };
}
