import { createParser, type EventSourceMessage } from "eventsource-parser";

/** Parses an event stream that arrives in pieces, as a client would: bytes, text, then blocks. */
export function parseStream(pieces: Iterable<Uint8Array>): EventSourceMessage[] {
  const events: EventSourceMessage[] = [];
  const parser = createParser({
    onEvent: (event) => events.push(event),
    onError: (error) => {
      throw error;
    },
  });
  const decoder = new TextDecoder();
  for (const piece of pieces) parser.feed(decoder.decode(piece, { stream: true }));
  return events;
}

/** Cuts bytes into pieces of these sizes, taken in turn; a size of 0 gives an empty piece. */
export function* cut(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  let offset = 0;
  for (let turn = 0; offset < bytes.length; turn++) {
    const size = turn < sizes.length * 50 ? (sizes[turn % sizes.length] as number) : bytes.length;
    yield bytes.subarray(offset, offset + size);
    offset += size;
  }
}
