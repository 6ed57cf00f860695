import fc from "fast-check";
import { afterEach, describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { openTestReader, turns } from "../../test/support/test-sink.ts";
import type { Backend, NewMessage } from "./backend.ts";
import { createBus, internalsOf } from "./bus.ts";
import type { Bus, BusOptions, OutgoingMessage, Published } from "./bus-types.ts";
import { SseBusError } from "./errors.ts";
import { memoryBackend } from "./memory-backend.ts";
import { parseCursor } from "./position.ts";

const buses: Bus[] = [];
afterEach(async () => {
  await Promise.all(buses.splice(0).map(async (bus) => bus.close()));
});

function makeBus(options: BusOptions = {}): Bus {
  const bus = createBus(options);
  buses.push(bus);
  return bus;
}

describe("publishMany", () => {
  test("stores messages in the order given, and resolves to one result for each", async () => {
    const bus = makeBus();
    const seen: unknown[] = [];
    bus.subscribe((data, { id }) => seen.push([data, id]), { channel: "**" });
    const published = await bus.publishMany([
      { data: 1 },
      { data: { two: 2 }, channel: "a/b", event: "row", key: "k" },
      { data: "<li>", channel: "a", raw: true },
    ]);
    expect(published).toMatchObject([
      { channel: "default", event: "message", data: 1 },
      { channel: "a/b", event: "row", data: { two: 2 }, key: "k" },
      { channel: "a", event: "message", data: "<li>" },
    ]);
    expect(published.map(seqOf)).toEqual([1, 2, 3]);
    expect(seen).toEqual(published.map(({ data, id }) => [data, id]));
    expect(bus.stats().published).toBe(3);
  });

  test("an empty array resolves to an empty one, and asks the backend nothing", async () => {
    const { backend, calls } = watched();
    const bus = makeBus({ backend });
    expect(await bus.publishMany([])).toEqual([]);
    expect(calls).toEqual([]);
  });

  test("makes one call to the backend, and one write to each reader", async () => {
    const { backend, calls } = watched();
    const bus = makeBus({ backend });
    const { engine } = internalsOf(bus);
    const { sink } = await openTestReader(engine, ["a", "b"]);
    const writes: number[] = [];
    sink.onWrite = ({ messages }) => writes.push(messages.length);
    const batch = Array.from({ length: 200 }, (_, n) => ({ data: n, channel: n % 2 ? "a" : "b" }));
    await bus.publishMany(batch);
    await turns();
    expect(calls).toEqual([200]);
    expect(writes).toEqual([200]);
  });

  test("stores nothing if one message is refused, and the error names its index", async () => {
    const bus = makeBus({ maxMessageBytes: 100 });
    const refused: readonly [OutgoingMessage, string][] = [
      [{ data: 1, channel: "a b" }, "INVALID_CHANNEL"],
      [{ data: 1, channel: "~own" }, "INVALID_CHANNEL"],
      [{ data: 1, event: "gap" }, "INVALID_EVENT_NAME"],
      [{ data: 1, event: "open" }, "INVALID_EVENT_NAME"],
      [{ data: 1, key: "" }, "INVALID_KEY"],
      [{ data: 1, id: "a\nb" }, "INVALID_ID"],
      [{ data: 1n }, "INVALID_DATA"],
      [{ data: undefined }, "INVALID_DATA"],
      [{ data: "a\0", raw: true }, "INVALID_DATA"],
      [{ data: "x".repeat(101) }, "MESSAGE_TOO_LARGE"],
      [{} as OutgoingMessage, "INVALID_DATA"],
      [null as unknown as OutgoingMessage, "INVALID_DATA"],
    ];
    for (const [message, code] of refused) {
      await expect(bus.publishMany([{ data: 1 }, message, { data: 2 }])).rejects.toMatchObject({
        name: "SseBusError",
        code,
        index: 1,
        message: expect.stringContaining("`messages[1]`: "),
      });
    }
    await expect(bus.publishMany("x" as never)).rejects.toMatchObject({ code: "INVALID_DATA" });
    expect(bus.stats().published).toBe(0);
    expect(await bus.cursor()).toMatch(/^0-/);
  });

  test("runs validators, asynchronous ones too, before anything is stored", async () => {
    const even = z.number().refine(async (n) => n % 2 === 0);
    const schemas = { even: { message: even }, "text/*": { line: z.string().trim() } };
    const bus = createBus({ schemas });
    buses.push(bus as unknown as Bus);
    const published = await bus.publishMany([
      { channel: "even", data: 2 },
      { channel: "text/a", event: "line", data: " x " },
    ]);
    expect(published.map(({ data }) => data)).toEqual([2, "x"]);
    await expect(
      bus.publishMany([
        { channel: "even", data: 4 },
        { channel: "even", data: 5 },
      ]),
    ).rejects.toMatchObject({ code: "VALIDATION_FAILED", index: 1 });
    const undeclared = { channel: "even", event: "odd", data: 4 } as never;
    await expect(bus.publishMany([{ channel: "even", data: 3 }, undeclared])).rejects.toMatchObject(
      {
        code: "UNDECLARED",
        index: 1,
      },
    );
    expect(bus.stats().published).toBe(2);
  });

  test("refuses more than 1,000 messages, and more than 1 MiB of data", async () => {
    const bus = makeBus();
    const many = Array.from({ length: 1001 }, () => ({ data: 1 }));
    await expect(bus.publishMany(many)).rejects.toMatchObject({
      code: "BATCH_TOO_LARGE",
      message: expect.stringContaining("1001 messages, and at most 1000"),
    });
    const large = Array.from({ length: 5 }, () => ({ data: "x".repeat(220_000) }));
    await expect(bus.publishMany(large)).rejects.toMatchObject({
      code: "BATCH_TOO_LARGE",
      message: expect.stringContaining("1100010 bytes of data, and at most 1048576"),
    });
    expect(await bus.publishMany(many.slice(1))).toHaveLength(1000);
    expect(await bus.publishMany(large.slice(1))).toHaveLength(4);
  });

  test("a single message that `maxMessageBytes` allows is no too large batch", async () => {
    const bus = makeBus({ maxMessageBytes: 3_000_000 });
    expect(await bus.publishMany([{ data: "x".repeat(2_000_000) }])).toHaveLength(1);
  });

  test("an idempotency id is found within the batch and across batches, and counts once", async () => {
    const bus = makeBus();
    const [first, , other, again] = await bus.publishMany([
      { data: 1, id: "a" },
      { data: 2 },
      { data: 3, id: "a", channel: "other" },
      { data: 4, id: "a" },
    ]);
    expect(again).toMatchObject({ id: first?.id, time: first?.time, duplicate: true });
    expect(other?.duplicate).toBeUndefined();
    const [repeated, fresh] = await bus.publishMany([
      { data: 5, id: "a" },
      { data: 6, id: "a", publisher: "ada" },
    ]);
    expect(repeated).toMatchObject({ id: first?.id, duplicate: true });
    expect(fresh?.duplicate).toBeUndefined();
    expect(bus.stats().published).toBe(4);
  });

  test("keeps the order of calls that nobody awaits", async () => {
    const bus = makeBus();
    const seen: unknown[] = [];
    bus.subscribe((data) => seen.push(data));
    const calls: Promise<unknown>[] = [];
    for (let n = 0; n < 60; n += 4) {
      calls.push(bus.publish(n), bus.publishMany([{ data: n + 1 }, { data: n + 2 }]));
      calls.push(bus.channel("default").publishMany([{ data: n + 3 }]));
    }
    await Promise.all(calls);
    expect(seen).toEqual(Array.from({ length: 60 }, (_, n) => n));
  });

  test("a large batch lets the event loop run before the next one", async () => {
    const bus = makeBus();
    const batch = Array.from({ length: 500 }, () => ({ data: 1 }));
    let isFree = false;
    await bus.publishMany(batch);
    setImmediate(() => (isFree = true));
    await bus.publishMany(batch);
    expect(isFree).toBe(true);
  });

  test("a channel's publishMany publishes to that channel", async () => {
    const bus = makeBus();
    const published = await bus.channel("a/b").publishMany([{ data: 1 }, { data: 2, event: "x" }]);
    expect(published.map(({ channel, event }) => [channel, event])).toEqual([
      ["a/b", "message"],
      ["a/b", "x"],
    ]);
    await expect(bus.channel("a").publishMany([1] as never)).rejects.toMatchObject({ index: 0 });
  });

  test("in a transaction, messages are pending, and do not count", async () => {
    const calls: unknown[] = [];
    const pending = ({ channel }: NewMessage) => ({
      pending: true as const,
      channel,
      duplicate: false,
    });
    const one: Backend = {
      ...memoryBackend(),
      async publishIn(tx, message) {
        calls.push([tx, message.json]);
        return pending(message);
      },
    };
    const many: Backend = {
      ...one,
      async publishManyIn(tx, messages) {
        calls.push([tx, ...messages.map(({ json }) => json)]);
        return messages.map(pending);
      },
    };
    for (const backend of [one, many]) {
      const bus = makeBus({ backend });
      const published = await bus.publishMany([{ data: 1 }, { data: 2 }], { tx: "tx" });
      expect(published).toMatchObject([
        { pending: true, data: 1 },
        { pending: true, data: 2 },
      ]);
      expect(bus.stats().published).toBe(0);
    }
    expect(calls).toEqual([
      ["tx", "1"],
      ["tx", "2"],
      ["tx", "1", "2"],
    ]);
    await expect(makeBus().publishMany([{ data: 1 }], { tx: null })).rejects.toMatchObject({
      code: "TX_UNSUPPORTED",
    });
  });
});

describe("a backend that cannot store several messages as one", () => {
  function oneByOne(failsAt = Number.POSITIVE_INFINITY): Backend {
    const { publishMany: _, ...backend } = memoryBackend();
    let calls = 0;
    return {
      ...backend,
      async publish(message) {
        if (calls++ === failsAt) throw new SseBusError("BACKEND_UNAVAILABLE", "The log is down.");
        return backend.publish(message);
      },
    };
  }

  test("stores one message after the other", async () => {
    const bus = makeBus({ backend: oneByOne() });
    const published = await bus.publishMany([{ data: 1 }, { data: 2 }, { data: 3 }]);
    expect(published.map(seqOf)).toEqual([1, 2, 3]);
  });

  test("stops at the first failure, and the error has what is stored", async () => {
    const bus = makeBus({ backend: oneByOne(2) });
    const messages = [1, 2, 3, 4].map((data) => ({ data, channel: "a", id: `id ${data}` }));
    const error = await bus.publishMany(messages).catch((cause: unknown) => cause);
    expect(error).toMatchObject({
      code: "BACKEND_UNAVAILABLE",
      index: 2,
      message: expect.stringContaining("2 of 4 messages are stored"),
      stored: [
        { id: expect.any(String), channel: "a", time: expect.any(Number) },
        { id: expect.any(String), channel: "a", time: expect.any(Number) },
        undefined,
        undefined,
      ],
    });
    expect(bus.stats().published).toBe(2);
    const again = await bus.publishMany(messages);
    expect(again.map(({ duplicate = false }) => duplicate)).toEqual([true, true, false, false]);
    expect(again.map(seqOf)).toEqual([1, 2, 3, 4]);
  });
});

test("a message that the backend finds too large makes a batch fail as a whole only if nothing is stored", async () => {
  const memory = memoryBackend();
  const tooLarge = new SseBusError("MESSAGE_TOO_LARGE", "The server takes less.");
  const backend: Backend = {
    ...memory,
    publishMany: async (messages) =>
      Promise.all(
        messages.map(async (message) =>
          message.channel === "large" ? { error: tooLarge } : memory.publish(message),
        ),
      ),
  };
  const bus = makeBus({ backend });
  const large = { data: 1, channel: "large" };
  await expect(bus.publishMany([large, large])).rejects.toMatchObject({
    code: "MESSAGE_TOO_LARGE",
  });
  await expect(bus.publishMany([large, { data: 2 }])).rejects.toMatchObject({
    code: "BACKEND_UNAVAILABLE",
    index: 0,
    stored: [undefined, { channel: "default" }],
  });
});

test("the types of a batch are those of its channels and events", async () => {
  type Channels = {
    default: { message: string };
    "orders/*": { message: { total: number }; cancelled: { why: string } };
  };
  const typed = async (bus: Bus<Channels>): Promise<void> => {
    const published = await bus.publishMany([
      { data: "text" },
      { data: "<li>", raw: true },
      { channel: "orders/1", data: { total: 1 } },
      { channel: "orders/2", event: "cancelled", data: { why: "x" }, key: "k", id: "i" },
    ]);
    expectTypeOf(published).toEqualTypeOf<
      (
        | Published<"default", "message", string>
        | Published<`orders/${string}`, "message", { total: number }>
        | Published<`orders/${string}`, "cancelled", { why: string }>
      )[]
    >();
    await bus.publishMany([1, 2].map((total) => ({ channel: `orders/${total}`, data: { total } })));
    await bus.channel("orders/1").publishMany([{ data: { total: 1 } }]);
    // @ts-expect-error -- the default channel carries strings
    await bus.publishMany([{ data: 1 }]);
    // @ts-expect-error -- the channel is not declared
    await bus.publishMany([{ data: "x", channel: "nowhere" }]);
    // @ts-expect-error -- data of another event
    await bus.publishMany([{ channel: "orders/1", event: "cancelled", data: { total: 1 } }]);
    // @ts-expect-error -- only strings can be raw
    await bus.publishMany([{ channel: "orders/1", data: { total: 1 }, raw: true }]);
    // @ts-expect-error -- the channel has no such event
    await bus.channel("orders/1").publishMany([{ event: "shipped", data: { total: 1 } }]);
    // @ts-expect-error -- only strings can be raw
    await bus.channel("orders/1").publishMany([{ data: { total: 1 }, raw: true }]);
  };
  expect(typed).toBeTypeOf("function");
});

test("readers that join and leave at random receive publishes and batches of several publishers once and in order", async () => {
  const anyStep = fc.record({
    what: fc.constantFrom("publish", "batch", "join", "leave", "turn"),
    publisher: fc.nat({ max: 2 }),
    topic: fc.constantFrom("a", "b", "*", "**"),
    size: fc.integer({ min: 0, max: 12 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 60 }), async (steps) => {
      const backend = memoryBackend();
      const shared = [0, 1, 2].map(() => createBus({ backend }));
      const sent: Promise<Published[]>[] = [];
      const readers: Reader[] = [];
      for (const { what, publisher, topic, size } of steps) {
        const bus = shared[publisher] as Bus;
        const message = (n: number) => ({ data: n, channel: "ab"[(n + size) % 2] as string });
        if (what === "turn") await turns();
        if (what === "publish") {
          const { data, channel } = message(size);
          sent.push(bus.publish(data, { channel }).then((one) => [one]));
        }
        if (what === "batch")
          sent.push(bus.publishMany(Array.from({ length: size }, (_, n) => message(n))));
        if (what === "join") readers.push(join(bus, topic));
        if (what === "leave") readers[size % Math.max(1, readers.length)]?.leave();
      }
      const batches = await Promise.all(sent);
      await turns();
      const all = batches.flat().toSorted((a, b) => seqOf(a) - seqOf(b));
      for (const batch of batches)
        expect(batch.map(seqOf)).toEqual(batch.map(seqOf).toSorted((a, b) => a - b));
      expect(all.map(seqOf)).toEqual(all.map((_, index) => index + 1));
      for (const { topic, received, isOpen } of readers) {
        const due = all
          .filter(({ channel }) => topic.includes("*") || topic === channel)
          .map(({ id }) => id);
        const from = due.indexOf(received[0] ?? "");
        const expected = from < 0 ? [] : due.slice(from);
        expect(received).toEqual(isOpen() ? expected : expected.slice(0, received.length));
      }
      await Promise.all(shared.map(async (bus) => bus.close()));
    }),
    { numRuns: 150 },
  );
});

interface Reader {
  readonly topic: string;
  readonly received: string[];
  isOpen(): boolean;
  leave(): void;
}

function join(bus: Bus, topic: string): Reader {
  const received: string[] = [];
  let isOpen = true;
  const unsubscribe = bus.subscribe((_, { id }) => received.push(id), { channel: topic });
  return {
    topic,
    received,
    isOpen: () => isOpen,
    leave() {
      isOpen = false;
      unsubscribe();
    },
  };
}

function seqOf({ id }: { readonly id: string }): number {
  return parseCursor(id)?.seq ?? 0;
}

/** A memory backend, and the sizes of the batches that it gets. */
function watched(): { backend: Backend; calls: number[] } {
  const memory = memoryBackend();
  const calls: number[] = [];
  const backend: Backend = {
    ...memory,
    async publishMany(messages) {
      calls.push(messages.length);
      return memory.publishMany?.(messages) ?? [];
    },
  };
  return { backend, calls };
}
