/**
 * A content coding (RFC 9110 §8.4.1), which a host gives to the core. Readers of one coding share a cohort,
 * and each packet is encoded once for all of them.
 */
export interface Codec {
  /** As in `Content-Encoding`. */
  readonly name: string;
  /** The size of a window, in bytes. */
  readonly windowBytes: number;
  /** With fewer readers at the head, each packet is encoded by itself. */
  readonly minReaders: number;
  /**
   * Encodes bytes for clients whose newest bytes are `window`. With an empty window, every client can decode
   * the result.
   */
  encode(bytes: Uint8Array, window: Uint8Array): Uint8Array;
}
