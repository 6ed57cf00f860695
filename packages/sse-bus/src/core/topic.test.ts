import { expect, test } from "vitest";
import type { Backend, Feed, History } from "./backend.ts";
import { createBus } from "./bus.ts";
import { createMessage, type LogMessage } from "./message.ts";
import { type Cursor, formatCursor } from "./position.ts";

const EPOCH = "e";

test("a message that is in history and also arrives live is delivered once", async () => {
  const log = createScriptedLog();
  await using bus = createBus({ backend: log.backend });
  const seen: unknown[] = [];
  // Live delivery begins after 1; the later read already has 2 and 3.
  log.reached = 1;
  bus.subscribe((data) => seen.push(data), { after: at(0) });
  await log.reading;
  log.answer({ messages: [message(1), message(2), message(3)], horizon: 0 });
  await turn();
  expect(seen).toEqual([1]);
  for (const seq of [2, 3, 4]) log.feed(message(seq));
  await turn();
  expect(seen).toEqual([1, 2, 3, 4]);
});

test("messages that arrive for a freed window do not appear in the next one", async () => {
  const log = createScriptedLog();
  await using bus = createBus({ backend: log.backend });
  log.reached = 2;
  const stop = bus.subscribe(() => {});
  await turn();
  stop();
  // The subscription ends shortly after the window is freed, and this arrives in between.
  log.feed(message(3));
  await turn();

  const seen: unknown[] = [];
  log.reached = 6;
  bus.subscribe((data) => seen.push(data), { after: at(3) });
  await log.reading;
  log.answer({ messages: [1, 2, 3, 4, 5, 6].map(message), horizon: 0 });
  await turn();
  expect(seen).toEqual([4, 5, 6]);
});

interface ScriptedLog {
  readonly backend: Backend;
  reached: number;
  /** Resolves when the bus reads history, which waits for {@link answer}. */
  readonly reading: Promise<void>;
  feed(message: LogMessage): void;
  answer(history: History): void;
}

/** A backend whose actions the test controls. */
function createScriptedLog(): ScriptedLog {
  const feeds = new Set<Feed>();
  const cursor = (): Cursor => ({ seq: log.reached, time: 0, epoch: EPOCH });
  let read = defer<History>();
  let reading = defer<void>();
  const log: ScriptedLog = {
    reached: 0,
    get reading() {
      return reading.promise;
    },
    feed(message) {
      log.reached = message.seq;
      for (const each of feeds) each.message(message);
    },
    answer(history) {
      read.resolve(history);
      read = defer();
      reading = defer();
    },
    backend: {
      name: "scripted",
      async open() {},
      publish: async () => Promise.reject(new Error("Nobody publishes here")),
      async subscribe(_topic, feed) {
        feeds.add(feed);
        // A network backend stops feeding shortly after the request to stop.
        return { cursor: cursor(), close: () => void setImmediate(() => feeds.delete(feed)) };
      },
      async read() {
        reading.resolve();
        return read.promise;
      },
      readHead: async () => cursor(),
      head: cursor,
      async close() {},
    },
  };
  return log;
}

function message(seq: number): LogMessage {
  const record = { channel: "default", event: "message", key: undefined, json: String(seq) };
  return createMessage(record, { seq, time: Date.now() }, EPOCH);
}

function at(seq: number): string {
  return formatCursor({ seq, time: Date.now() }, EPOCH);
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
}

function defer<T>(): Deferred<T> {
  let resolve = (_value: T): void => {};
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve: (value) => resolve(value) };
}
