/**
 * Bytes as they are in a message: text if they are UTF-8, which costs the least, and base64 if not, or if
 * JSON would need much more for the text.
 */
export interface ChunkData {
  /** Text. */
  readonly t?: string;
  /** Base64. */
  readonly b?: string;
}

/** Above this, base64 is shorter: control characters take six bytes of JSON each. */
const MAX_GROWTH = 1.5;
/** Bytes that escaping a character adds. */
const MAX_ESCAPE = 5;

const encoder = new TextEncoder();
/** A byte order mark is part of the data. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function encodeChunk(bytes: Uint8Array): ChunkData {
  const text = decodeText(bytes);
  if (text !== undefined && isShortAsJson(text, bytes.length)) return { t: text };
  return { b: toBase64(bytes) };
}

/** The bytes of a chunk from the log; undefined if it is none. */
export function decodeChunk({
  t,
  b,
}: {
  readonly t?: unknown;
  readonly b?: unknown;
}): Uint8Array | undefined {
  if (typeof t === "string") return encoder.encode(t);
  return typeof b === "string" ? fromBase64(b) : undefined;
}

/**
 * How many bytes at the end of `bytes` are the start of a character whose rest is missing: 0 to 3. Data that
 * is not UTF-8 is cut anywhere.
 */
export function unfinishedBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] as number;
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue;
    const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return size > back ? back : 0;
  }
  return 0;
}

function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

function isShortAsJson(text: string, size: number): boolean {
  // oxlint-disable-next-line no-control-regex
  const escaped = text.match(/[\0-\x1f]/g);
  // Most text has a few line breaks: it needs no second look.
  if (escaped === null || escaped.length * MAX_ESCAPE <= size * (MAX_GROWTH - 1)) return true;
  return JSON.stringify(text).length <= size * MAX_GROWTH + 2;
}

function toBase64(bytes: Uint8Array): string {
  let binary = "";
  // In pieces: a call takes a limited number of arguments.
  for (let start = 0; start < bytes.length; start += 8192) {
    binary += String.fromCharCode(...bytes.subarray(start, start + 8192));
  }
  return btoa(binary);
}

function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}
