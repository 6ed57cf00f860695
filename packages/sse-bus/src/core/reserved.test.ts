import { afterEach, describe, expect, test } from "vitest";
import { createLaggingServer } from "../../test/support/lagging-server.ts";
import { openTestReader, turns } from "../../test/support/test-sink.ts";
import type { Backend } from "./backend.ts";
import { createBus, internalsOf } from "./bus.ts";
import type { Bus, BusOptions } from "./bus-types.ts";
import { createHistoryResolver } from "./history.ts";
import { memoryBackend } from "./memory-backend.ts";
import type { Gap } from "./packet.ts";
import { pingReaders } from "./ping.ts";
import { formatCursor } from "./position.ts";
import {
  isReserved,
  publishReserved,
  type ReservedMessage,
  type ReservedSubscribeOptions,
  subscribeReserved,
} from "./reserved.ts";

const buses: Bus[] = [];
afterEach(async () => {
  await Promise.all(buses.splice(0).map(async (bus) => bus.close()));
});

function setUp(options: BusOptions = {}) {
  const errors: Error[] = [];
  const bus = createBus({ onError: (error) => errors.push(error), ...options });
  buses.push(bus);
  const internals = internalsOf(bus);
  return {
    bus,
    errors,
    internals,
    engine: internals.engine,
    publish: async (channel: string, data: unknown, options = {}) =>
      publishReserved(internals, channel, "note", data, options),
    subscribe(channel: string, options: Partial<ReservedSubscribeOptions> = {}) {
      const values: unknown[] = [];
      const messages: ReservedMessage[] = [];
      const gaps: Gap[] = [];
      const listener = (data: unknown, message: ReservedMessage): void => {
        values.push(data);
        messages.push(message);
      };
      const onGap = (gap: Gap): void => void gaps.push(gap);
      const subscription = subscribeReserved(internals, channel, listener, { onGap, ...options });
      return { ...subscription, values, messages, gaps };
    },
  };
}

const refused = expect.objectContaining({ code: "INVALID_CHANNEL" }) as unknown;

describe("what the bus publishes on a reserved channel", () => {
  test("reaches the bus's own subscriptions, in order, with event, key and position", async () => {
    const { publish, subscribe } = setUp();
    const { values, messages, live } = subscribe("~control");
    const first = await publish("~control", { n: 1 }, { key: "k" });
    await publish("~control", { n: 2 });
    expect(values).toEqual([{ n: 1 }, { n: 2 }]);
    const { seq, time, epoch } = first;
    expect(messages[0]).toEqual({ event: "note", key: "k", seq, time, epoch });
    expect(messages[1]).not.toHaveProperty("key");
    await live;
  });

  test("is stored once for each idempotency id", async () => {
    const { publish, subscribe } = setUp();
    const { values } = subscribe("~control");
    const first = await publish("~control", 1, { id: "once" });
    expect(await publish("~control", 2, { id: "once" })).toEqual({ ...first, duplicate: true });
    expect(values).toEqual([1]);
  });

  test("keeps the order of calls that nobody awaits, before the backend is open", async () => {
    const { publish, subscribe } = setUp();
    const { values } = subscribe("~control");
    await Promise.all([1, 2, 3].map(async (n) => publish("~control", n)));
    expect(values).toEqual([1, 2, 3]);
  });

  test("may have names of 220 characters, and no others than reserved ones", async () => {
    const { internals, publish, subscribe } = setUp();
    const longest = `~${"x".repeat(219)}`;
    const { values } = subscribe(longest);
    await publish(longest, 1);
    expect(values).toEqual([1]);
    for (const name of [`${longest}x`, "~", "orders", "~a b", "~a/*", ""]) {
      expect(() => subscribe(name), name).toThrow(refused);
      await expect(publishReserved(internals, name, "note", 1), name).rejects.toThrow(refused);
    }
    expect(isReserved("~a")).toBe(true);
    expect(isReserved("a~")).toBe(false);
  });

  test("ignores the limits and validators of the application", async () => {
    const { publish, subscribe } = setUp({
      maxMessageBytes: 1,
      schemas: {},
      history: { maxMessages: 0, maxAgeMs: 1, maxBytes: 1 },
    });
    await publish("~control", "kept");
    const { values, live } = subscribe("~control", { from: "earliest" });
    await live;
    expect(values).toEqual(["kept"]);
  });
});

describe("a subscription to a reserved channel", () => {
  test("starts after a cursor, and is live once everything up to its cursor was delivered", async () => {
    const { publish, subscribe } = setUp();
    const first = await publish("~control", 1);
    const second = await publish("~control", 2);
    const after = formatCursor(first, first.epoch);
    const { values, gaps, live } = subscribe("~control", { after });
    const { seq, time, epoch, from } = await live;
    expect({ seq, time, epoch }).toEqual({
      seq: second.seq,
      time: second.time,
      epoch: second.epoch,
    });
    expect(from).toEqual({ seq: first.seq, time: first.time });
    expect(values).toEqual([2]);
    expect(gaps).toEqual([]);
  });

  test("reports a gap, then continues with what is kept", async () => {
    const { publish, subscribe } = setUp();
    await publish("~control", 1);
    const { values, gaps, live } = subscribe("~control", { after: "1-1-other" });
    await live;
    expect(gaps).toEqual([{ channels: ["~control"], reason: "restarted" }]);
    expect(values).toEqual([1]);
  });

  test("ends when it is closed, and its `live` rejects if it never was", async () => {
    const { publish, subscribe } = setUp();
    const closed = subscribe("~control");
    closed.close();
    closed.close();
    await expect(closed.live).rejects.toMatchObject({ code: "BUS_CLOSED" });
    await publish("~control", 1);
    expect(closed.values).toEqual([]);
  });

  test("retries while the backend is down, and closes with the bus", async () => {
    const memory = memoryBackend();
    let isAway = true;
    const backend: Backend = {
      ...memory,
      async open(host) {
        if (isAway) throw new Error("away");
        await memory.open(host);
      },
    };
    const { bus, errors, subscribe, publish } = setUp({ backend });
    const one = subscribe("~control");
    await expect(publish("~control", 0)).rejects.toThrow("away");
    isAway = false;
    await publish("~control", 1);
    await one.live;
    expect(errors.map(({ message }) => message)).toEqual(["away"]);
    await bus.close();
    expect(internalsOf(bus).ownSubscribers.size).toBe(0);
    expect(() => subscribe("~control")).toThrow(expect.objectContaining({ code: "BUS_CLOSED" }));
  });

  test("reports a listener that throws, and continues", async () => {
    const { errors, internals, publish } = setUp();
    const seen: unknown[] = [];
    const listener = (data: unknown): void => {
      seen.push(data);
      throw new Error("bad listener");
    };
    subscribeReserved(internals, "~control", listener, { onGap() {} });
    await publish("~control", 1);
    await publish("~control", 2);
    expect(seen).toEqual([1, 2]);
    expect(errors).toEqual([
      expect.objectContaining({ code: "LISTENER_FAILED" }),
      expect.objectContaining({ code: "LISTENER_FAILED" }),
    ]);
  });

  test("delays no publish of the application while it is not live", async () => {
    const server = createLaggingServer();
    const connection = server.connect();
    const { bus, subscribe } = setUp({ backend: connection.backend });
    connection.isPrompt = true;
    await bus.publish(1);
    connection.isPrompt = false;
    const own = subscribe("~control");
    const published = bus.publish(2);
    await turns();
    expect(connection.replies).toBe(1);
    await connection.reply();
    await published;
    connection.isPrompt = true;
    connection.deliver();
    await own.live;
  });
});

describe("an application", () => {
  test("cannot publish to a reserved channel, subscribe to it, or declare anything for it", async () => {
    const { bus } = setUp();
    await expect(bus.publish(1, { channel: "~control" })).rejects.toThrow(refused);
    await expect(bus.publish(1, { channel: "~control" })).rejects.toThrow(/reserved.*another name/);
    expect(() => bus.subscribe(() => {}, { channel: "~control" })).toThrow(refused);
    expect(() => bus.subscribe(() => {}, { channel: "~control/**" })).toThrow(refused);
    expect(() => createBus({ history: { channels: { "~control": {} } } })).toThrow(refused);
    expect(() => createBus({ schemas: { "~control": {} } })).toThrow(refused);
  });

  test("receives nothing of it through a pattern, live or from history", async () => {
    const { bus, publish } = setUp();
    const seen: unknown[] = [];
    for (const channel of ["**", "*", "*/**"]) {
      bus.subscribe((data) => seen.push(data), { channel });
    }
    const cursor = await bus.cursor();
    await publish("~control", "own");
    await publish("~presence/a", "own");
    bus.subscribe((data) => seen.push(data), { channel: "**", after: cursor });
    await bus.publish("theirs", { channel: "a/b" });
    expect(seen).toEqual(["theirs", "theirs", "theirs"]);
  });

  test("sees nothing of it in stats, counters and metrics of lag", async () => {
    const { bus, engine, publish, subscribe } = setUp();
    const own = subscribe("~control", { after: "1-1-other" });
    await own.live;
    for (let n = 0; n < 5; n++) await publish("~control", n);
    expect(bus.stats()).toMatchObject({
      listeners: 0,
      channels: 0,
      published: 0,
      delivered: 0,
      gaps: 0,
      resumed: 0,
      resumedWithGap: 0,
    });
    const { sink } = await openTestReader(engine, ["a", "~presence/a"]);
    expect(bus.stats()).toMatchObject({ channels: 1 });
    await publish("~presence/a", "joined");
    await bus.publish("hello", { channel: "a" });
    await turns();
    expect(sink.values).toEqual(["hello"]);
    expect(sink.blocks.map(({ event }) => event)).toEqual(["note", "message"]);
    expect(bus.stats()).toMatchObject({ published: 1, delivered: 1 });
    own.close();
    expect(engine.ownTopics).toBe(1);
  });
});

describe("what is published on reserved channels", () => {
  test("moves the cursors of heartbeats, never ahead of what a reader has received", async () => {
    const { bus, engine, publish } = setUp();
    const { reader, sink } = await openTestReader(engine, ["**"]);
    const { seq: first } = await publish("~control", 1);
    const { id } = await bus.publish("a", { channel: "a" });
    const { seq: last } = await publish("~control", 2);
    pingReaders(engine, [reader]);
    expect(sink.blocks.map(({ event, seq }) => [event, seq])).toEqual([
      ["message", Number.parseInt(id, 36)],
      ["ping", last],
    ]);
    expect(first).toBeLessThan(last);
  });

  test("leaves a resumed reader of a pattern without a gap, however much of it was dropped", async () => {
    const { bus, engine, publish } = setUp({ backend: memoryBackend() });
    const { id } = await bus.publish("a", { channel: "a" });
    const { maxMessages } = createHistoryResolver()("~presence/a");
    for (let n = 0; n < maxMessages + 10; n++) await publish("~presence/a", n);
    for (const topics of [["**"], ["a"], ["never"]]) {
      const { resumed, sink } = await openTestReader(engine, topics, { start: { cursor: id } });
      expect(resumed).toBe(true);
      expect(sink.blocks).toEqual([]);
    }
    // Streams have reserved channels from now on only; a subscriber in this process learns of the loss.
    const start = { cursor: id };
    const stream = await openTestReader(engine, ["a", "~presence/a"], { start });
    expect(stream.resumed).toBe(true);
    const own = await openTestReader(engine, ["~presence/a"], { start, isLocal: true });
    expect(own.resumed).toBe(false);
  });
});
