import { afterEach, describe, expect, test } from "vitest";
import { openTestReader, parseBlocks, turn, turns } from "../../test/support/test-sink.ts";
import { createLaggingServer } from "../../test/support/lagging-server.ts";
import { createBus, internalsOf } from "./bus.ts";
import type { Bus, BusOptions } from "./bus-types.ts";
import { closeReader } from "./engine.ts";
import { resumeReader } from "./deliver.ts";
import { openReader } from "./open-reader.ts";
import { packetBytes } from "./packet.ts";
import { pingReaders } from "./ping.ts";
import type { Reader } from "./cohort.ts";

let opened: Bus | undefined;
afterEach(async () => {
  await opened?.close();
  opened = undefined;
});

function setUp(options: BusOptions = {}) {
  const errors: Error[] = [];
  const bus = createBus({ onError: (error) => errors.push(error), ...options });
  opened = bus;
  return { bus, errors, engine: internalsOf(bus).engine };
}

const big = (n: number): { n: number; text: string } => ({ n, text: "x".repeat(40_000) });

describe("readers that keep up", () => {
  test("receive a whole burst that is larger than history", async () => {
    const { bus, engine } = setUp({ history: { maxMessages: 1 } });
    const { sink } = await openTestReader(engine, ["default"]);
    const { sink: local } = await openTestReader(engine, ["default"], { isLocal: true });
    await Promise.all(Array.from({ length: 20 }, async (_, n) => bus.publish(big(n))));
    await turns();
    for (const { blocks } of [sink, local]) {
      expect(blocks.map(({ event }) => event)).toEqual(Array(20).fill("message"));
    }
    // After that, the limits apply again.
    expect(engine.store.bytes).toBeLessThan(100_000);
  });

  test("receive messages that are already superseded when they are sent", async () => {
    const { bus, engine } = setUp();
    const { sink } = await openTestReader(engine, ["default"]);
    await Promise.all([1, 2, 3].map(async (n) => bus.publish(n, { key: "k" })));
    await turns();
    expect(sink.values).toEqual([1, 2, 3]);
  });

  test("receive all messages of one turn in one write, and share its bytes", async () => {
    const { bus, engine } = setUp();
    const bytes: Uint8Array[] = [];
    for (let n = 0; n < 3; n++) {
      const { sink } = await openTestReader(engine, ["default"]);
      sink.onWrite = (packet) => bytes.push(packetBytes(packet));
    }
    await Promise.all([1, 2, 3].map(async (n) => bus.publish(n)));
    await turns();
    expect(bytes).toHaveLength(3);
    expect(new Set(bytes).size).toBe(1);
    expect(parseBlocks(bytes[0] as Uint8Array).map(({ data }) => data)).toEqual([1, 2, 3]);
  });
});

describe("a sink", () => {
  test("may say that it can take more while it is still being written to", async () => {
    const { bus, engine } = setUp();
    const { sink, reader } = await openTestReader(engine, ["default"]);
    sink.capacity = 0;
    sink.onWrite = () => resumeReader(reader);
    for (let n = 1; n <= 5; n++) {
      await bus.publish(n);
      await turns();
    }
    expect(sink.values).toEqual([1, 2, 3, 4, 5]);
  });

  test("may do so for a backlog of thousands of packets without a stack overflow", async () => {
    const { bus, engine } = setUp({
      maxMessageBytes: 100_000,
      history: { maxMessages: 5000, maxBytes: 1e9 },
      maxHistoryBytes: 2e9,
    });
    const first = await bus.publish(0);
    const text = "x".repeat(33_000);
    for (let n = 0; n < 3000; n++) await bus.publish(text);
    let count = 0;
    let reader: Reader | undefined;
    const sink = {
      write() {
        count++;
        if (reader) resumeReader(reader);
        return false;
      },
      end() {},
    };
    const start = { cursor: first.id };
    ({ reader } = await openReader(engine, {
      topics: ["default"],
      start,
      sink,
      isLocal: false,
      isReady: false,
    }));
    resumeReader(reader);
    await turns();
    expect(count).toBe(3000);
  });

  test("that throws is ended and reported, and the others receive every message", async () => {
    const { bus, engine, errors } = setUp();
    const good = await openTestReader(engine, ["default"]);
    const bad = await openTestReader(engine, ["default"]);
    const other = await openTestReader(engine, ["default"]);
    bad.sink.onWrite = () => {
      throw new Error("broken");
    };
    for (let n = 1; n <= 3; n++) await bus.publish(n);
    await turns();
    expect(good.sink.values).toEqual([1, 2, 3]);
    expect(other.sink.values).toEqual([1, 2, 3]);
    expect(bad.sink.ended).toEqual(["failed"]);
    expect(errors).toMatchObject([{ code: "SINK_FAILED", cause: { message: "broken" } }]);
    expect(engine.readers.size).toBe(2);
  });

  test("that throws again when it is ended affects no other reader", async () => {
    const { bus, engine, errors } = setUp();
    const topics = ["default"];
    const bad = await openTestReader(engine, topics);
    const good = await openTestReader(engine, topics);
    const otherGroup = await openTestReader(engine, [...topics, "more"]);
    bad.sink.onWrite = bad.sink.end = () => {
      throw new Error("broken");
    };
    await bus.publish(1);
    await turns();
    expect(good.sink.values).toEqual([1]);
    expect(otherGroup.sink.values).toEqual([1]);
    expect(errors.map((error) => (error as { code?: string }).code)).toEqual([
      "SINK_FAILED",
      "SINK_FAILED",
    ]);
    const worse = await openTestReader(engine, topics);
    worse.sink.end = bad.sink.end;
    await bus.close();
    expect(good.sink.ended).toEqual(["closed"]);
    expect(otherGroup.sink.ended).toEqual(["closed"]);
  });

  test("may close any reader during a write, including itself", async () => {
    const { bus, engine } = setUp();
    const readers = [];
    for (let n = 0; n < 6; n++) readers.push(await openTestReader(engine, ["default"]));
    const [a, b, c, d, e, f] = readers as [
      (typeof readers)[0],
      (typeof readers)[0],
      (typeof readers)[0],
      (typeof readers)[0],
      (typeof readers)[0],
      (typeof readers)[0],
    ];
    b.sink.onWrite = () => {
      for (const { reader } of [a, b, e]) closeReader(engine, reader);
    };
    await bus.publish(1);
    await bus.publish(2);
    await turns();
    await bus.publish(3);
    await turns();
    expect([a, b, c, d, e, f].map(({ sink }) => sink.values)).toEqual([
      [1, 2],
      [1, 2],
      [1, 2, 3],
      [1, 2, 3],
      [],
      [1, 2, 3],
    ]);
  });

  test("may open readers and send heartbeats during a write", async () => {
    const { bus, engine } = setUp();
    const one = await openTestReader(engine, ["default"]);
    const two = await openTestReader(engine, ["default", "more"]);
    const late: ReturnType<typeof openTestReader>[] = [];
    one.sink.onWrite = ({ messages }) => {
      if (messages.length === 0) return;
      late.push(openTestReader(engine, ["default"]));
      pingReaders(engine, engine.readers);
    };
    for (let n = 1; n <= 3; n++) {
      await bus.publish(n);
      await turns();
    }
    for (const { sink } of [one, two]) {
      expect(sink.values).toEqual([1, 2, 3]);
      const seqs = sink.blocks.filter(({ event }) => event !== "ping").map(({ seq }) => seq);
      expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
    }
    const opened = await Promise.all(late);
    expect(opened.map(({ sink }) => sink.values)).toEqual([[2, 3], [3], []]);
  });
});

describe("a reader that does not keep up", () => {
  test("falls behind, then continues from its cursor without superseded messages", async () => {
    const { bus, engine } = setUp();
    const { sink, take } = await openTestReader(engine, ["default"], { capacity: 1 });
    for (let n = 1; n <= 6; n++) {
      await bus.publish(n, { key: n % 2 === 0 ? "even" : `${n}` });
      await turn();
    }
    expect(sink.values).toEqual([1]);
    take();
    expect(sink.values).toEqual([1, 3, 5, 6]);
    await bus.publish(7);
    await turns();
    expect(sink.values).toEqual([1, 3, 5, 6, 7]);
  });

  test("beyond what history keeps gets one gap with the number of lost messages, then continues", async () => {
    const { bus, engine } = setUp({ history: { maxMessages: 3 } });
    const { sink, take } = await openTestReader(engine, ["default"], { capacity: 1 });
    for (let n = 1; n <= 10; n++) {
      await bus.publish(n);
      await turn();
    }
    take();
    await turns();
    expect(sink.blocks.map(({ event, data }) => (event === "gap" ? data : [event, data]))).toEqual([
      ["message", 1],
      { channels: ["default"], reason: "evicted", count: 6 },
      ["message", 8],
      ["message", 9],
      ["message", 10],
    ]);
  });

  test("keeps no packet in memory after it has read it, nor do others in its cohort", async () => {
    const { bus, engine } = setUp();
    const first = await bus.publish(0);
    for (let n = 1; n <= 40; n++) await bus.publish(big(n));
    const start = { cursor: first.id };
    const done = await openTestReader(engine, ["default"], { start });
    const stalled = await openTestReader(engine, ["default"], { start, capacity: 20 });
    await turns();
    expect(done.sink.values).toHaveLength(40);
    expect(stalled.sink.values.length).toBeLessThan(40);
    const [cohort] = engine.cohorts.values();
    expect(cohort?.packets.size).toBe(0);
  });
});

test("an unrecoverable loss is reported before later messages, and no heartbeat skips it", async () => {
  const server = createLaggingServer();
  const line = server.connect();
  const { engine } = setUp({ backend: line.backend });
  const { sink } = await openTestReader(engine, ["default"]);
  const stalled = await openTestReader(engine, ["default"], { capacity: 1 });
  for (let n = 1; n <= 3; n++) {
    server.publish({ json: String(n) });
    await turns();
  }
  line.cut();
  for (let n = 4; n <= 6; n++) server.publish({ json: String(n) });
  server.trim(5);
  line.restore();
  pingReaders(engine, engine.readers);
  server.publish({ json: "7" });
  await turns();
  stalled.take();
  const shown = ({ blocks }: typeof sink): unknown[] =>
    blocks
      .filter(({ event }) => event !== "ping")
      .map(({ event, data }) => (event === "gap" ? event : data));
  expect(shown(sink)).toEqual([1, 2, 3, "gap", 6, 7]);
  // The number of lost messages is unknown.
  expect(sink.blocks.find(({ event }) => event === "gap")?.data).toEqual({
    channels: ["default"],
    reason: "evicted",
  });
  expect(shown(stalled.sink)).toEqual([1, "gap", 6, 7]);
});
