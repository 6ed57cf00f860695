/** The head of a gzip stream: no name, no time, an unknown system (RFC 1952 §2.3). */
export const GZIP_HEAD: Uint8Array = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff);

/** The most bytes of a stored block (RFC 1951 §3.2.4). */
const MAX_STORED = 65_535;
const BLOCK_HEAD = 5;

/**
 * Bytes as they are, in stored blocks of deflate. What precedes them must end at a whole byte. Except for the
 * last ones, an empty block follows, as after a flush of zlib: Go's decoder, which Caddy uses, keeps
 * everything back until it has one (compress/flate).
 */
export function storeBytes(bytes: Uint8Array, isLast = false): Uint8Array {
  const stored = new Uint8Array(storedLength(bytes.length));
  let to = 0;
  let from = 0;
  do {
    const part = bytes.subarray(from, from + MAX_STORED);
    from += part.length;
    writeHead(stored, { at: to, length: part.length, isLast: isLast && from === bytes.length });
    stored.set(part, to + BLOCK_HEAD);
    to += BLOCK_HEAD + part.length;
  } while (from < bytes.length);
  if (isLast) return stored.subarray(0, to);
  writeHead(stored, { at: to, length: 0, isLast: false });
  return stored;
}

/** The length of what {@link storeBytes} returns for `length` bytes, if more follow. */
export function storedLength(length: number): number {
  return length + (Math.max(1, Math.ceil(length / MAX_STORED)) + 1) * BLOCK_HEAD;
}

/** The end of a gzip stream: checksum and length of everything in it (RFC 1952 §2.3.1). */
export function gzipTrailer(crc: number, length: number): Uint8Array {
  const trailer = new Uint8Array(8);
  const view = new DataView(trailer.buffer);
  view.setInt32(0, crc, true);
  view.setInt32(4, length, true);
  return trailer;
}

function writeHead(
  bytes: Uint8Array,
  {
    at,
    length,
    isLast,
  }: { readonly at: number; readonly length: number; readonly isLast: boolean },
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  view.setUint8(0, isLast ? 1 : 0);
  view.setUint16(1, length, true);
  view.setUint16(3, ~length & 0xffff, true);
}
