import { expect, test } from "vitest";
import { afterTurn, createFlusher, inTurn, type Schedule } from "./flusher.ts";

function setUp(flushItem: (item: string) => void = () => {}) {
  const scheduled: (() => void)[] = [];
  const schedule: Schedule = (run) => void scheduled.push(run);
  const flushed: string[] = [];
  const log: string[] = [];
  const flusher = createFlusher<string>(
    schedule,
    (item) => {
      flushed.push(item);
      flushItem(item);
    },
    { beforeFlush: () => log.push("before"), afterFlush: () => log.push("after") },
  );
  return { flusher, flushed, log, scheduled, runNext: () => scheduled.shift()?.() };
}

test("an item added many times before a flush is flushed once, in the order of its first addition", () => {
  const { flusher, flushed, log, scheduled, runNext } = setUp();
  for (const item of ["a", "b", "a", "b", "c", "a"]) flusher.add(item);
  expect(scheduled).toHaveLength(1);
  runNext();
  expect(flushed).toEqual(["a", "b", "c"]);
  expect(log).toEqual(["before", "after"]);
  expect(scheduled).toHaveLength(0);
});

test("an item added during a flush waits for the next one, so each flush ends", () => {
  const { flusher, flushed, scheduled, runNext } = setUp((item) => flusher.add(item));
  flusher.add("a");
  runNext();
  expect(flushed).toEqual(["a"]);
  expect(scheduled).toHaveLength(1);
  runNext();
  expect(flushed).toEqual(["a", "a"]);
});

test("a flush requested during a flush does nothing, and loses nothing", () => {
  const { flusher, flushed, runNext, scheduled } = setUp((item) => {
    if (item !== "a") return;
    flusher.add("b");
    flusher.add("a2");
    flusher.flush();
  });
  flusher.add("a");
  flusher.add("c");
  runNext();
  expect(flushed).toEqual(["a", "c"]);
  while (scheduled.length > 0) runNext();
  expect(flushed).toEqual(["a", "c", "b", "a2"]);
});

test("an item that throws prevents neither the flush of the others nor later flushes", () => {
  const { flusher, flushed, log, scheduled, runNext } = setUp((item) => {
    if (item === "bad") throw new Error("no");
  });
  for (const item of ["a", "bad", "b"]) flusher.add(item);
  expect(runNext).toThrow("no");
  while (scheduled.length > 0) runNext();
  flusher.add("c");
  while (scheduled.length > 0) runNext();
  expect(flushed).toEqual(["a", "bad", "b", "c"]);
  expect(log.at(-1)).toBe("after");
});

test("flush() flushes what waits now, and the scheduled flush then has nothing to do", () => {
  const { flusher, flushed, runNext } = setUp();
  flusher.add("a");
  flusher.flush();
  expect(flushed).toEqual(["a"]);
  runNext();
  expect(flushed).toEqual(["a"]);
  flusher.add("b");
  runNext();
  expect(flushed).toEqual(["a", "b"]);
});

test("flushed() resolves after the next flush, or immediately if nothing waits", async () => {
  const { flusher, flushed, runNext } = setUp();
  await flusher.flushed();
  flusher.add("a");
  const done = flusher.flushed().then(() => [...flushed]);
  runNext();
  expect(await done).toEqual(["a"]);
});

test("in-turn work runs before the event loop continues, after-turn work after that", async () => {
  const order: string[] = [];
  afterTurn(() => order.push("after turn"));
  inTurn(() => order.push("in turn"));
  order.push("now");
  await Promise.resolve();
  order.push("microtask");
  await new Promise((resolve) => setImmediate(resolve));
  expect(order).toEqual(["now", "in turn", "microtask", "after turn"]);
});
