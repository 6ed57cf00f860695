import { SseBusError } from "../core/errors.ts";

/** What a stream is made of: bytes, or text, which becomes UTF-8. */
export type StreamContent =
  | ReadableStream<Uint8Array>
  | ReadableStream<string>
  | AsyncIterable<Uint8Array | string>;

/**
 * The source of a stream: its content, such as the body of a `Response`, or a function that makes it. The
 * function is called where the source runs, and its `signal` is aborted when the stream is stopped.
 */
export type StreamSource =
  | StreamContent
  | ((options: { readonly signal: AbortSignal }) => StreamContent | Promise<StreamContent>);

/** A source that is being read. */
export interface OpenSource {
  /** The next bytes; undefined at the end. */
  next(): Promise<Uint8Array | undefined>;
  /** Ends the source early. It may take its time, and may fail: nobody waits. */
  cancel(reason: unknown): void;
}

/** @throws SseBusError `INVALID_OPTION` */
export function assertSource(source: unknown): asserts source is StreamSource {
  if (typeof source === "function" || isStream(source) || isIterable(source)) return;
  throw new SseBusError(
    "INVALID_OPTION",
    "`source` must be a ReadableStream, an async iterable, or a function that returns one.",
  );
}

/** Nobody reads a source that was given for a stream that runs already. */
export function discardSource(source: StreamSource): void {
  if (typeof source !== "function") openContent(source).cancel(undefined);
}

/** Starts a source. What the function of a source throws is thrown. */
export async function openSource(source: StreamSource, signal: AbortSignal): Promise<OpenSource> {
  if (typeof source !== "function") return openContent(source);
  const content = await source({ signal });
  if (!isStream(content) && !isIterable(content)) {
    throw new TypeError("The source's function returned no ReadableStream and no async iterable.");
  }
  return openContent(content);
}

function openContent(content: StreamContent): OpenSource {
  const read = isStream(content) ? openReadable(content) : openIterable(content);
  const toBytes = createByteEncoder();
  let isOver = false;
  return {
    async next() {
      while (!isOver) {
        const { done, value } = await read.next();
        isOver = done === true;
        const bytes = toBytes(done ? undefined : value);
        if (bytes.length > 0) return bytes;
      }
      return undefined;
    },
    cancel(reason) {
      isOver = true;
      try {
        read.cancel(reason)?.catch(() => {});
      } catch {
        // The source is of no more interest.
      }
    },
  };
}

interface Pieces {
  next(): Promise<{ readonly done?: boolean | undefined; readonly value?: unknown }>;
  cancel(reason: unknown): Promise<unknown> | undefined;
}

function openReadable(content: ReadableStream): Pieces {
  const reader = content.getReader();
  return { next: async () => reader.read(), cancel: async (reason) => reader.cancel(reason) };
}

function openIterable(content: AsyncIterable<unknown>): Pieces {
  const iterator = content[Symbol.asyncIterator]();
  return { next: async () => iterator.next(), cancel: async () => iterator.return?.() };
}

/** @returns the bytes of each piece, and what is left after the last one, which is undefined */
function createByteEncoder(): (piece: unknown) => Uint8Array {
  const encoder = new TextEncoder();
  /** Half of a character, whose other half is in the next piece. */
  let half = "";
  return (piece) => {
    if (typeof piece === "string") {
      const text = half + piece;
      half = isHalf(text.charCodeAt(text.length - 1)) ? text.slice(-1) : "";
      return encoder.encode(half ? text.slice(0, -1) : text);
    }
    const rest = encoder.encode(half);
    half = "";
    if (piece === undefined) return rest;
    if (!ArrayBuffer.isView(piece)) {
      throw new TypeError(`A source must give text or bytes, not ${typeof piece}.`);
    }
    // A copy: the source may use its buffer again.
    const bytes = new Uint8Array(rest.length + piece.byteLength);
    bytes.set(rest);
    bytes.set(new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength), rest.length);
    return bytes;
  };
}

/** The first half of a character that takes two UTF-16 units. NaN, of an empty text, is none. */
function isHalf(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isStream(value: unknown): value is ReadableStream {
  return typeof (value as { getReader?: unknown } | null)?.getReader === "function";
}

function isIterable(value: unknown): value is AsyncIterable<unknown> {
  const method = (value as { [Symbol.asyncIterator]?: unknown } | null)?.[Symbol.asyncIterator];
  return typeof method === "function";
}
