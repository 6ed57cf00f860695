import { expect, test } from "vitest";
import type { NewMessage, Stored } from "../core/backend.ts";
import { createWriteQueue, type Write } from "./write-queue.ts";

test("a write that is alone is sent in its own turn", async () => {
  const { calls, add } = setUp();
  void add("a");
  await Promise.resolve();
  expect(calls.map(({ names }) => names)).toEqual([["a"]]);
});

test("writes of one turn, and those that arrive while calls are under way, go together and in order", async () => {
  const { calls, add } = setUp();
  void add("a");
  void add("b", "c");
  await turn();
  expect(calls.map(({ names }) => names)).toEqual([["a", "b", "c"]]);
  for (const name of ["d", "e", "f", "g"]) {
    void add(name);
    await turn();
  }
  // Two calls are under way at most.
  expect(calls.map(({ names }) => names.join(""))).toEqual(["abc", "d"]);
  calls[0]?.succeed();
  await turn();
  expect(calls.map(({ names }) => names.join(""))).toEqual(["abc", "d", "efg"]);
});

test("each write gets the results of its own messages", async () => {
  const { calls, add } = setUp();
  const writes = [add("a"), add("b", "c"), add("d")];
  await turn();
  calls[0]?.succeed();
  expect(await Promise.all(writes)).toEqual([[1], [2, 3], [4]]);
});

test("a call has 500 messages at most, and a batch is never split", async () => {
  const { calls, add } = setUp();
  void add(...names(400));
  void add(...names(101));
  void add(...names(1000));
  await turn();
  for (const call of calls) call.succeed();
  await turn();
  expect(calls.map(({ names }) => names.length)).toEqual([400, 101, 1000]);
});

test("a call has each name once", async () => {
  const { calls, add } = setUp({ isNamed: true });
  for (const name of ["a", "b", "a", "c"]) void add(name);
  await turn();
  expect(calls.map(({ names }) => names.join(""))).toEqual(["ab", "ac"]);
});

test("a write that cannot be stored fails alone", async () => {
  const { calls, add } = setUp();
  const writes = Promise.allSettled([add("a"), add("bad"), add("c")]);
  await turn();
  calls[0]?.fail("own fault");
  for (let n = 1; n <= 3; n++) {
    await turn();
    if (calls[n]?.names[0] === "bad") calls[n]?.fail("own fault");
    else calls[n]?.succeed();
  }
  const outcomes = (await writes).map(({ status }) => status);
  expect(outcomes).toEqual(["fulfilled", "rejected", "fulfilled"]);
});

test("if the server cannot be reached, the writes that wait fail too, and later ones are sent", async () => {
  const { calls, add } = setUp();
  const first = [add("a")];
  await turn();
  first.push(add("b"));
  await turn();
  first.push(add("c"));
  const settled = Promise.allSettled(first);
  calls[0]?.fail("away");
  calls[1]?.fail("away");
  expect((await settled).map((one) => one.status)).toEqual(["rejected", "rejected", "rejected"]);
  const later = add("d");
  await turn();
  expect(calls.map(({ names }) => names.join(""))).toEqual(["a", "b", "d"]);
  calls[2]?.succeed();
  expect(await later).toEqual([1]);
});

test("closing takes back what was not sent, and waits for what was", async () => {
  const { calls, add, queue } = setUp();
  const sent = add("a");
  await turn();
  void add("b");
  await turn();
  const waiting = add("c");
  let isClosed = false;
  const closed = queue.close(new Error("closed")).then(() => (isClosed = true));
  await expect(waiting).rejects.toThrow("closed");
  await turn();
  expect(isClosed).toBe(false);
  for (const call of calls) call.succeed();
  await closed;
  expect(await sent).toEqual([1]);
});

interface Call {
  readonly names: readonly string[];
  succeed(): void;
  fail(message: string): void;
}

/** A queue of writes to a server that answers when the test says so; a message's channel is its name. */
function setUp({ isNamed = false } = {}) {
  const calls: Call[] = [];
  const queue = createWriteQueue<Write>({
    maxCalls: 2,
    isOwnFault: (error) => (error as Error).message === "own fault",
    toError: (error) => error as Error,
    store: async (writes) =>
      new Promise((resolve, reject) => {
        calls.push({
          names: writes.flatMap(({ messages }) => messages.map(({ channel }) => channel)),
          succeed() {
            let seq = 0;
            for (const write of writes) {
              write.resolve(write.messages.map(() => ({ seq: ++seq }) as Stored));
            }
            resolve();
          },
          fail: (message) => reject(new Error(message)),
        });
      }),
  });
  const add = async (...channels: string[]): Promise<number[]> => {
    const messages = channels.map((channel) => ({ channel, json: "1" }) as NewMessage);
    const stored = await new Promise<readonly Stored[]>((resolve, reject) => {
      const write: Write = { messages, chars: channels.length, resolve, reject };
      queue.add(isNamed ? { ...write, names: channels } : write);
    });
    return stored.map(({ seq }) => seq);
  };
  return { calls, queue, add };
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `n${n}`);
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
