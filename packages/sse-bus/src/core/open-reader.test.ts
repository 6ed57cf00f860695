import { describe, expect, onTestFinished, test, vi } from "vitest";
import {
  createLaggingServer,
  type LaggingServerOptions,
} from "../../test/support/lagging-server.ts";
import { openTestReader, turn, turns } from "../../test/support/test-sink.ts";
import { createBus, internalsOf } from "./bus.ts";
import type { BusOptions } from "./bus-types.ts";
import { formatCursor } from "./position.ts";

function setUp({
  server: serverOptions,
  ...options
}: BusOptions & { server?: LaggingServerOptions } = {}) {
  const server = createLaggingServer(serverOptions);
  const line = server.connect();
  const bus = createBus({ backend: line.backend, ...options });
  const { engine } = internalsOf(bus);
  const at = (seq: number): string => formatCursor({ seq, time: 1 }, server.epoch);
  const publish = (json: number, channel = "default", key?: string): void =>
    void server.publish({ json: String(json), channel, key });
  return { server, line, bus, engine, at, publish };
}

test("two readers that open a topic at the same time start where it became live, without a gap", async () => {
  const { line, bus, engine, publish } = setUp();
  await bus.cursor();
  // Another instance publishes this message. This instance receives messages only after it subscribes.
  publish(1);
  line.isPrompt = false;
  const first = openTestReader(engine, ["default"]);
  const second = openTestReader(engine, ["default"]);
  publish(2);
  line.isPrompt = true;
  line.deliver();
  const opened = [await first, await second];
  publish(3);
  await turns();
  for (const { sink } of opened) {
    expect(sink.blocks.map(({ event, data }) => [event, data])).toEqual([
      ["message", 2],
      ["message", 3],
    ]);
  }
  await bus.close();
});

test("messages that are dropped before the subscription is live are reported as a gap", async () => {
  const { line, bus, engine, publish, at } = setUp({ history: { maxMessages: 0 } });
  for (const n of [1, 2]) publish(n);
  const other = await openTestReader(engine, ["other"]);
  line.isPrompt = false;
  const opening = openTestReader(engine, ["default"], { start: { cursor: at(2) } });
  await turn();
  // The feed delivers two messages, and the flush for another reader applies the limits to them.
  publish(3);
  publish(4, "other");
  await turn();
  line.isPrompt = true;
  line.deliver();
  while (line.replies > 0) await line.reply();
  const { sink } = await opening;
  await turns();
  expect(other.sink.values).toEqual([4]);
  const gapOrMessage = sink.blocks.map(({ event, seq }) => [event, seq]);
  expect([[["message", 3]], [["gap", 3]]]).toContainEqual(gapOrMessage);
  await bus.close();
});

describe("from=latest", () => {
  test("delivers the newest message of each key, and the newest without a key of each channel, in order", async () => {
    const { bus, engine, publish } = setUp();
    publish(1, "a", "k");
    publish(2, "a");
    publish(3, "b");
    publish(4, "a", "j");
    publish(5, "a", "k");
    publish(6, "a");
    publish(7, "b", "k");
    publish(8, "b", "k");
    for (const [topics, expected] of [
      [["a"], [4, 5, 6]],
      [["b"], [3, 8]],
      [
        ["a", "b"],
        [3, 4, 5, 6, 8],
      ],
      [["*"], [3, 4, 5, 6, 8]],
      [
        ["a", "*"],
        [3, 4, 5, 6, 8],
      ],
      [["none"], []],
    ] as const) {
      const { sink } = await openTestReader(engine, topics, { start: "latest" });
      await turns();
      expect(sink.values, topics.join()).toEqual(expected);
      expect(sink.blocks.some(({ event }) => event === "gap")).toBe(false);
    }
    await bus.close();
  });

  test("continues with all new messages, each once", async () => {
    const { bus, engine, publish } = setUp();
    for (let n = 1; n <= 3; n++) publish(n);
    const { sink, take } = await openTestReader(engine, ["default"], {
      start: "latest",
      capacity: 0,
    });
    for (let n = 4; n <= 6; n++) publish(n);
    await turns();
    take();
    publish(7);
    await turns();
    // Message 3 was the latest at the start. It may or may not be delivered, because newer ones follow.
    expect(sink.values.filter((value) => value !== 3)).toEqual([4, 5, 6, 7]);
    await bus.close();
  });

  test("a connection that ends after `hello` resumes with a gap or with everything kept, never with a part", async () => {
    const { bus, engine, publish } = setUp();
    for (let n = 1; n <= 5; n++) publish(n);
    const { cursor } = await openTestReader(engine, ["default"], { start: "latest", capacity: 0 });
    const { sink } = await openTestReader(engine, ["default"], { start: { cursor } });
    await turns();
    expect(sink.values).toEqual([1, 2, 3, 4, 5]);
    await bus.close();
  });
});

describe("a reader that opens while the log restarts", () => {
  test.each(["before the topic is live", "while history is read", "while the head is asked for"])(
    "receives a gap and every message of the new log: %s",
    async (when) => {
      const { server, line, bus, engine, at, publish } = setUp();
      for (let n = 1; n <= 9; n++) publish(n);
      const keepsTopicOpen = await openTestReader(engine, ["default", "kept"]);
      for (let n = 10; n <= 12; n++) publish(n);
      await turn();

      line.isPrompt = false;
      const start = { cursor: at(when === "while the head is asked for" ? 20 : 2) };
      const topics = when === "before the topic is live" ? ["default", "fresh"] : ["default"];
      const opening = openTestReader(engine, topics, { start });
      await turn();
      if (when === "before the topic is live") expect(line.inbox).toBeGreaterThan(0);
      else expect(line.replies).toBeGreaterThan(0);

      server.loseData();
      for (let n = 101; n <= 103; n++) publish(n);
      line.notice();
      line.isPrompt = true;
      line.deliver();
      while (line.replies > 0) await line.reply();
      const { sink } = await opening;
      await turns();
      publish(104);
      await turns();

      for (const { blocks } of [sink, keepsTopicOpen.sink]) {
        const anew = blocks.filter(({ epoch }) => epoch === server.epoch);
        expect(anew.map(({ event }) => event)).toEqual(["gap", ...Array(4).fill("message")]);
        expect(anew.slice(1).map(({ data }) => data)).toEqual([101, 102, 103, 104]);
      }
      expect(sink.values).toEqual([101, 102, 103, 104]);
      await bus.close();
    },
  );

  test("starts in the new log if it starts at the head", async () => {
    const { server, line, bus, engine, publish } = setUp();
    for (let n = 1; n <= 9; n++) publish(n);
    line.isPrompt = false;
    const opening = openTestReader(engine, ["default"]);
    for (let n = 0; n < 3; n++) await turn();
    await line.reply();
    await turn();
    server.loseData();
    line.notice();
    line.isPrompt = true;
    line.deliver();
    const { sink, cursor } = await opening;
    for (const n of [101, 102]) publish(n);
    await turns();
    expect(cursor.endsWith(`-${server.epoch}`)).toBe(true);
    expect(sink.values).toEqual([101, 102]);
    await bus.close();
  });
});

test("a cursor of a new log resumes there, even before this instance has detected the restart", async () => {
  const { server, line, bus, engine, publish, at } = setUp();
  await bus.cursor();
  const other = await openTestReader(engine, ["default"]);
  publish(1);
  await turns();
  server.loseData();
  publish(2);
  const { resumed, sink } = await openTestReader(engine, ["default"], { start: { cursor: at(0) } });
  await turns();
  expect(resumed).toBe(true);
  expect(sink.values).toEqual([2]);
  // The same response reports the restart to readers that were already open.
  expect(other.sink.blocks.map(({ event }) => event)).toEqual(["message", "gap", "message"]);
  expect(line.backend.head().epoch).toBe(server.epoch);
  await bus.close();
});

test("history of the old log that arrives after a restart does not enter the new window", async () => {
  const { server, line, bus, engine, at, publish } = setUp();
  for (let n = 1; n <= 5; n++) publish(n);
  const slow = await openTestReader(engine, ["default"]);
  line.isPrompt = false;
  const opening = openTestReader(engine, ["default"], { start: "earliest" });
  await turn();
  expect(line.replies).toBe(1);
  server.loseData();
  publish(101);
  line.notice();
  // The response of the old log arrives after the restart is detected, and those of the new log follow.
  await line.reply(0);
  line.isPrompt = true;
  while (line.replies > 0) await line.reply();
  const { sink } = await opening;
  publish(102);
  await turns();
  expect(sink.values).toEqual([101, 102]);
  expect(slow.sink.values).toEqual([101, 102]);
  const late = await openTestReader(engine, ["default"], { start: { cursor: at(0) } });
  await turns();
  expect(late.sink.blocks.map(({ event, data }) => [event, data])).toEqual([
    ["message", 101],
    ["message", 102],
  ]);
  await bus.close();
});

test("two restarts in a row are reported as a gap, and readers receive what the last log keeps", async () => {
  const { server, line, bus, engine, publish } = setUp();
  publish(1);
  const { sink } = await openTestReader(engine, ["default"]);
  line.isPrompt = false;
  server.loseData();
  publish(101);
  line.notice();
  await turn();
  server.loseData();
  publish(201);
  line.notice();
  await turn();
  while (line.replies > 0) await line.reply();
  line.isPrompt = true;
  publish(202);
  await turns();
  expect(sink.blocks.filter(({ epoch }) => epoch === "e2")).toEqual([]);
  expect(sink.values).toEqual([201, 202]);
  expect(sink.blocks[0]).toMatchObject({ event: "gap", epoch: "e3" });
  await bus.close();
});

test("if the new log's history cannot be read, open readers get a gap and later ones get all messages", async () => {
  const errors: Error[] = [];
  const { server, line, bus, engine, at, publish } = setUp({
    onError: (error) => errors.push(error),
  });
  publish(1);
  const { sink } = await openTestReader(engine, ["default"]);
  server.loseData();
  for (const n of [101, 102]) publish(n);
  line.isPrompt = false;
  line.notice();
  await turn();
  line.cut();
  await turns();
  expect(errors).toMatchObject([{ code: "BACKEND_UNAVAILABLE" }]);
  line.isPrompt = true;
  line.restore();
  publish(103);
  await turns();
  expect(sink.blocks.map(({ event, data }) => (event === "gap" ? event : data))).toEqual([
    "gap",
    103,
  ]);
  const late = await openTestReader(engine, ["default"], { start: { cursor: at(1) } });
  await turns();
  expect(late.sink.values).toEqual([102, 103]);
  await bus.close();
});

test("messages that a pattern keeps from before its horizon do not hide a loss of others", async () => {
  const { bus, engine, at, publish } = setUp({
    server: { history: { channels: { "rooms/busy": { maxMessages: 1 } } } },
  });
  publish(1, "rooms/busy");
  publish(2, "rooms/quiet");
  publish(3, "rooms/busy");
  publish(4, "rooms/quiet");
  publish(5, "rooms/busy");
  const { sink, resumed } = await openTestReader(engine, ["rooms/*"], { start: { cursor: at(1) } });
  await turns();
  expect(resumed).toBe(false);
  // The loss of 3 is reported before the 4 that follows it.
  expect(sink.blocks.map(({ event, data }) => (event === "gap" ? event : data))).toEqual([
    "gap",
    2,
    4,
    5,
  ]);
  await bus.close();
});

describe("a reader of everything kept that stalls", () => {
  test("gets a gap when a channel with an older horizon than another drops messages it has not received", async () => {
    const { bus, engine, publish } = setUp({
      history: { channels: { a: { maxMessages: 2 }, b: { maxMessages: 3 } } },
      server: { history: { channels: { a: { maxMessages: 2 }, b: { maxMessages: 3 } } } },
    });
    for (let n = 1; n <= 3; n++) publish(n, "b");
    for (let n = 4; n <= 9; n++) publish(n, "a");
    for (const start of [
      "earliest",
      "latest",
      { cursor: formatCursor({ seq: 1, time: 1 }, "old") },
    ] as const) {
      const { sink, take } = await openTestReader(engine, ["a", "b"], { start, capacity: 0 });
      for (let n = 10; n <= 15; n++) {
        publish(n, "b");
        await turn();
      }
      take();
      await turns();
      const gaps = sink.blocks.filter(({ event }) => event === "gap");
      const losses = gaps.filter(({ data }) => (data as { reason: string }).reason === "evicted");
      expect(losses).toMatchObject([{ data: { channels: ["b"] } }]);
    }
    await bus.close();
  });

  test("gets a gap when a pattern drops messages that it kept from before its horizon", async () => {
    const limits = { channels: { "rooms/busy": { maxMessages: 1 } } };
    const { bus, engine, publish } = setUp({
      history: limits,
      maxHistoryBytes: 4000,
      server: { history: limits },
    });
    publish(1, "rooms/quiet");
    publish(2, "rooms/busy");
    publish(3, "rooms/busy");
    const { sink, take } = await openTestReader(engine, ["rooms/*"], {
      start: "earliest",
      capacity: 0,
    });
    for (let n = 4; n < 30; n++) {
      publish(n, "rooms/other");
      await turn();
    }
    take();
    await turns();
    expect(sink.values).not.toContain(1);
    expect(sink.blocks[0]?.event).toBe("gap");
    await bus.close();
  });
});

test("history that is read does not exceed maxHistoryBytes, even if nothing is published", async () => {
  const { bus, engine, server } = setUp({ maxHistoryBytes: 20_000 });
  const json = JSON.stringify("x".repeat(1000));
  for (let channel = 0; channel < 20; channel++) {
    for (let n = 0; n < 5; n++) server.publish({ channel: `c${channel}`, json });
  }
  const readers = [];
  for (let channel = 0; channel < 20; channel++) {
    readers.push(await openTestReader(engine, [`c${channel}`], { start: "earliest", capacity: 0 }));
    expect(engine.store.bytes).toBeLessThanOrEqual(20_000);
  }
  for (const { take } of readers) take();
  await turns();
  const last = readers.at(-1)?.sink;
  expect(last?.values).toHaveLength(5);
  for (const { sink } of readers) {
    if (sink.values.length < 5) expect(sink.blocks[0]?.event).toBe("gap");
  }
  await bus.close();
});

test("a new reader does not receive messages older than maxAgeMs, even in a quiet channel", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const { bus, engine, server } = setUp({ history: { maxAgeMs: 40 } });
  server.publish({ json: "1" });
  const first = await openTestReader(engine, ["default"], { start: "earliest" });
  await turns();
  expect(first.sink.values).toEqual([1]);
  vi.setSystemTime(Date.now() + 60);
  const second = await openTestReader(engine, ["default"], { start: "earliest" });
  await turns();
  expect(second.sink.values).toEqual([]);
  await bus.close();
});

test("a bus that is closed before it opens its backend does not open it later", async () => {
  const { line, bus, engine } = setUp();
  await bus.close();
  await expect(openTestReader(engine, ["default"])).rejects.toMatchObject({ code: "BUS_CLOSED" });
  expect(engine.lifecycle.state).toBe("closed");
  expect(line.subscriptions).toBe(0);
});

test("closing a bus while a reader opens ends the reader and leaves no subscription", async () => {
  const { line, bus, engine } = setUp();
  await bus.publish(1);
  line.isPrompt = false;
  const opening = openTestReader(engine, ["default"], { start: "earliest" });
  await turn();
  const failure = opening.catch((error: unknown) => error);
  await bus.close();
  line.deliver();
  expect(await failure).toMatchObject({ code: "BUS_CLOSED" });
  expect(engine).toMatchObject({ topics: new Map(), cohorts: new Map(), readers: new Set() });
  expect(line.subscriptions).toBe(0);
});

test("a failed subscription rejects all waiting readers, and the next reader subscribes again", async () => {
  const { line, bus, engine, publish } = setUp();
  await bus.publish(1);
  line.isPrompt = false;
  const openings = [openTestReader(engine, ["a"]), openTestReader(engine, ["a", "b"])];
  await turn();
  line.cut();
  for (const opening of openings) {
    await expect(opening).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
  }
  expect(engine.topics.size + engine.cohorts.size + engine.readers.size).toBe(0);
  line.isPrompt = true;
  line.restore();
  const { sink } = await openTestReader(engine, ["a"]);
  publish(2, "a");
  await turns();
  expect(sink.values).toEqual([2]);
  await bus.close();
});
