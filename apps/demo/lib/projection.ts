import { randomUUID } from "node:crypto";
import type { Message } from "sse-bus";
import { bus } from "./sse-bus";
import { perProcess } from "./per-process";

/** A cursor of no known epoch: reading starts at the oldest kept message. */
const everything = "0-0-0";
/** An unused projection is closed after this time, and folded again on the next use. */
const idleMs = 60_000;

interface ProjectionOptions<State, Data> {
  channel: string;
  initial: State;
  /** The message's data; `undefined` skips the message. */
  read: (data: unknown) => Data | undefined;
  /** Returns the state after a message. May change `state`. */
  apply: (state: State, data: Data, message: Message) => State;
}

/**
 * A state folded from a channel's history and kept up to date, for rendering a page. It is an ordinary
 * subscriber, so it is correct on every instance and backend, and after a restart.
 */
export function projection<State, Data>(
  options: ProjectionOptions<State, Data>,
): () => Promise<State> {
  const { channel, initial, read, apply } = options;
  return async () => {
    const current = perProcess(`projection ${channel}`, () => open());
    current.touch();
    await current.ready;
    return current.state();
  };

  function open() {
    const mark = randomUUID();
    let state = structuredClone(initial);
    let isOpen = true;
    let caughtUp: () => void;
    const reached = new Promise<void>((resolve) => (caughtUp = resolve));
    const unsubscribe = bus.subscribe(
      (data: unknown, message: Message) => {
        if (message.event === "mark") {
          if (data === mark) caughtUp();
          return;
        }
        const known = read(data);
        if (known !== undefined) state = apply(state, known, message);
      },
      // The first gap is from the unknown cursor. A later gap means that history was shorter than an outage.
      { channel, after: everything, onGap: () => (state = structuredClone(initial)) },
    );
    // Messages arrive in order: when our own mark arrives, all older messages have arrived.
    const ready = bus.publish(mark, { channel, event: "mark", key: "mark" }).then(() => reached);
    const idle = setTimeout(close, idleMs).unref();
    ready.catch(close);

    function close(): void {
      if (!isOpen) return;
      isOpen = false;
      clearTimeout(idle);
      unsubscribe();
      forget();
    }
    return { ready, state: () => state, touch: () => void idle.refresh() };
  }

  function forget(): void {
    delete (globalThis as { [key: symbol]: unknown })[
      Symbol.for(`sse-bus.demo.projection ${channel}`)
    ];
  }
}
