import { createParser, type EventSourceMessage } from "eventsource-parser";

/** Reads a response's event stream one event at a time, for tests of handlers. */
export interface TestStream {
  /** The next event; `undefined` when the stream has ended. */
  next(): Promise<EventSourceMessage | undefined>;
  /** Reads on until an event of this type comes. */
  until(type: string): Promise<EventSourceMessage>;
  cancel(): Promise<void>;
}

export function readTestStream(response: Response): TestStream {
  const queue: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => queue.push(event) });
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();

  async function next(): Promise<EventSourceMessage | undefined> {
    while (queue.length === 0) {
      const { value, done } = await reader.read();
      if (done) return undefined;
      parser.feed(decoder.decode(value, { stream: true }));
    }
    return queue.shift();
  }

  return {
    next,
    async until(type) {
      for (;;) {
        const event = await next();
        if (!event) throw new Error(`the stream ended before ${type}`);
        if ((event.event ?? "message") === type) return event;
      }
    },
    cancel: () => reader.cancel(),
  };
}
