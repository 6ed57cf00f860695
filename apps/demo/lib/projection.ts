import { randomUUID } from "node:crypto";
import type { Message } from "sse-bus";
import { bus } from "./sse-bus";
import { perProcess } from "./per-process";

/** A cursor that no log knows: reading starts with the oldest message that is kept. */
const everything = "0-0-0";
/** What nobody has asked for in this time is forgotten; history has it all. */
const idleMs = 60_000;

interface ProjectionOptions<State, Data> {
  channel: string;
  initial: State;
  /** The message's data, or `undefined` for what has another shape: that is skipped. */
  read: (data: unknown) => Data | undefined;
  /** The state after a message; may change `state` itself. */
  apply: (state: State, data: Data, message: Message) => State;
}

/**
 * A state folded from what a channel keeps, and kept up to date: what a page is rendered from. Being
 * a reader like any other, it is right on every instance and backend, and after a restart.
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
      // The gap of the unknown cursor; a later one means that history was shorter than the outage.
      { channel, after: everything, onGap: () => (state = structuredClone(initial)) },
    );
    // Messages come in order: when our own comes back, all older ones have come.
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
