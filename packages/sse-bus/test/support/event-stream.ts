import { createParser, type EventSourceMessage } from "eventsource-parser";

/** The event stream of a handler's response, read one event at a time. */
export interface TestStream {
  /** The next event; `undefined` when the stream has ended. */
  next(): Promise<EventSourceMessage | undefined>;
  /** Skips events until one of this type arrives. */
  until(type: string): Promise<EventSourceMessage>;
  cancel(): Promise<void>;
}

export function readTestStream(response: Response): TestStream {
  const queue: EventSourceMessage[] = [];
  const feed = createFeed(queue);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();

  async function next(): Promise<EventSourceMessage | undefined> {
    while (queue.length === 0) {
      const { value, done } = await reader.read();
      if (done) return undefined;
      feed(value);
    }
    return queue.shift();
  }

  return {
    next,
    async until(type) {
      for (;;) {
        const event = await next();
        if (!event) throw new Error(`The stream ended before the event "${type}".`);
        if ((event.event ?? "message") === type) return event;
      }
    },
    cancel: () => reader.cancel(),
  };
}

/** Parses an event stream that arrives in pieces. */
export function parseStream(pieces: Iterable<Uint8Array>): EventSourceMessage[] {
  const events: EventSourceMessage[] = [];
  const feed = createFeed(events);
  for (const piece of pieces) feed(piece);
  return events;
}

/** Cuts bytes into pieces of the given sizes, in rotation. The size 0 gives an empty piece. */
export function* cut(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  let offset = 0;
  for (let turn = 0; offset < bytes.length; turn++) {
    const size = turn < sizes.length * 50 ? (sizes[turn % sizes.length] as number) : bytes.length;
    yield bytes.subarray(offset, offset + size);
    offset += size;
  }
}

/** eventsource-parser instead of our own parser: an error in ours cannot hide an error in our server. */
function createFeed(events: EventSourceMessage[]): (bytes: Uint8Array) => void {
  // Our server sends no byte order mark of its own; one in the data is part of the data.
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const parser = createParser({
    onEvent: (event) => events.push(event),
    onError: (error) => {
      throw error;
    },
  });
  return (bytes) => parser.feed(decoder.decode(bytes, { stream: true }));
}
