import { describe, expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { createLaggingServer } from "../../test/support/lagging-server.ts";
import { createBus, internalsOf } from "../core/bus.ts";
import type { BusOptions } from "../core/bus-types.ts";
import { memoryBackend } from "../core/memory-backend.ts";
import type { StandardSchema } from "../core/schema.ts";
import { defineLive } from "./define-live.ts";
import { lastMessages } from "./reducers.ts";

const list = defineLive({
  channel: "a",
  initial: [] as readonly number[],
  reduce: (value, data: number) => [...value, data],
});

function startBus(options: BusOptions = {}) {
  const errors: Error[] = [];
  const bus = createBus({ onError: (error) => errors.push(error), ...options });
  onTestFinished(() => bus.close());
  return { bus, errors, readers: internalsOf(bus).engine.readers };
}

test("the value is the fold of what the log keeps, and then of everything published", async () => {
  const { bus } = startBus();
  expect(await list.read(bus)).toEqual({ value: [], cursor: await bus.cursor() });
  await bus.publish(1, { channel: "a" });
  await bus.publish(2, { channel: "b" });
  const { id } = await bus.publish(3, { channel: "a" });
  expect(await list.read(bus)).toEqual({ value: [1, 3], cursor: id.split("@")[0] });
  await bus.publish(4, { channel: "b" });
  expect(await list.read(bus)).toEqual({ value: [1, 3], cursor: await bus.cursor() });
});

test("a subscriber that starts after the cursor receives exactly what the value lacks", async () => {
  const { bus } = startBus();
  for (let n = 1; n <= 3; n++) await bus.publish(n, { channel: "a" });
  const { value, cursor } = await list.read(bus);
  for (let n = 4; n <= 6; n++) await bus.publish(n, { channel: "a" });
  const later: unknown[] = [];
  bus.subscribe((data) => later.push(data), { channel: "a", after: cursor });
  await bus.publish(7, { channel: "a" });
  expect([value, later]).toEqual([
    [1, 2, 3],
    [4, 5, 6, 7],
  ]);
});

test("a read inside a subscriber is exact, too", async () => {
  const { bus } = startBus();
  await list.read(bus);
  const reads: Promise<unknown>[] = [];
  bus.subscribe(
    (data, { id }) =>
      reads.push(list.read(bus).then(({ value, cursor }) => [value.at(-1), cursor, data, id])),
    { channel: "a" },
  );
  for (let n = 1; n <= 3; n++) await bus.publish(n, { channel: "a" });
  for (const read of await Promise.all(reads)) {
    const [value, cursor, data, id] = read as [number, string, number, string];
    expect([value, `${cursor}@a`]).toEqual([data, id]);
  }
});

test("reads at the same time, and equal definitions, share one reader; a slow first fold as well", async () => {
  const { bus, readers } = startBus();
  const same = defineLive({ channel: "a", initial: list.initial, reduce: list.reduce });
  const other = defineLive({
    channel: "a",
    initial: [0] as readonly number[],
    reduce: list.reduce,
  });
  await Promise.all([list.read(bus), list.read(bus), same.read(bus)]);
  expect(readers.size).toBe(1);
  expect((await other.read(bus)).value).toEqual([0]);
  expect(readers.size).toBe(2);
  expect(bus.stats()).toMatchObject({ connections: 0, listeners: 0 });
});

test("the reader ends when nobody has read the value for a while, and with the bus", async () => {
  const { bus, readers } = startBus();
  internalsOf(bus).attachments.set("liveIdleMs", 20);
  await bus.publish(1, { channel: "a" });
  await list.read(bus);
  expect(readers.size).toBe(1);
  await vi.waitFor(() => expect(readers.size).toBe(0));
  expect((await list.read(bus)).value).toEqual([1]);
  expect(readers.size).toBe(1);
  const closed = bus.close();
  expect(readers.size).toBe(0);
  await closed;
  await expect(list.read(bus)).rejects.toMatchObject({ code: "BUS_CLOSED" });
});

test("of many live values, the least recently read ones are forgotten", async () => {
  const { bus, readers } = startBus();
  const oneOf = (channel: string) => defineLive({ channel, reduce: lastMessages(1) });
  await list.read(bus);
  for (let n = 0; n < 999; n++) await oneOf(`many/${n}`).read(bus);
  expect(readers.size).toBe(1000);
  await list.read(bus);
  await oneOf("one/more").read(bus);
  await vi.waitFor(() => expect(readers.size).toBe(1000));
  const channels = [...readers].map(({ cohort }) => cohort.topics[0]?.name);
  expect(channels).toContain("a");
  expect(channels).not.toContain("many/0");
});

test("a long history is folded in several turns of the event loop", async () => {
  const { bus } = startBus({ history: { maxMessages: 2_000 } });
  await Promise.all(
    Array.from({ length: 2_000 }, async (_, n) =>
      bus.publish({ n, text: "x".repeat(500) }, { channel: "a" }),
    ),
  );
  const slow = defineLive({
    channel: "a",
    initial: 0,
    reduce(count) {
      const until = performance.now() + 0.02;
      while (performance.now() < until);
      return count + 1;
    },
  });
  let turns = 0;
  let timer = setImmediate(function next() {
    turns++;
    timer = setImmediate(next);
  });
  onTestFinished(() => clearImmediate(timer));
  const reads = await Promise.all([slow.read(bus), slow.read(bus)]);
  expect(reads.map(({ value }) => value)).toEqual([2_000, 2_000]);
  expect(turns).toBeGreaterThan(8);
});

test("only the named event counts", async () => {
  const { bus } = startBus();
  const goals = defineLive({ ...list, event: "goal" });
  await bus.publish(1, { channel: "a", event: "goal" });
  await bus.publish(2, { channel: "a", event: "foul" });
  await bus.publish(3, { channel: "a" });
  expect((await goals.read(bus)).value).toEqual([1]);
});

test("`reduce` gets the fields of a message that browsers know, too, and no others", async () => {
  const { bus } = startBus();
  const messages = defineLive({
    channel: "a/*",
    initial: [] as unknown[],
    reduce: (value, _, message) => [...value, message],
  });
  const { id, time } = await bus.publish(1, { channel: "a/1", event: "e", key: "k" });
  const message = { id: id.split("@")[0], channel: "a/1", event: "e", time };
  expect((await messages.read(bus)).value).toEqual([message]);
});

describe("what `validate` refuses is skipped and reported", () => {
  const isNumber = (data: unknown): data is number => typeof data === "number";
  test.each([
    ["a function", isNumber],
    ["a Standard Schema", z.number()],
  ])("%s", async (_, validate) => {
    const { bus, errors } = startBus();
    const { channel, initial, reduce } = list;
    const checked = defineLive({ channel, initial, reduce, validate });
    for (const data of [1, "2", null, 3]) await bus.publish(data, { channel: "a" });
    expect((await checked.read(bus)).value).toEqual([1, 3]);
    expect(errors).toMatchObject([{ code: "LISTENER_FAILED" }, { code: "LISTENER_FAILED" }]);
    expect(errors[0]?.message).toMatch(/Message 2 of "a" is skipped by a live value/);
  });

  test("an asynchronous schema refuses all, and its own rejection is handled", async () => {
    const rejections: unknown[] = [];
    const note = (reason: unknown): void => void rejections.push(reason);
    process.on("unhandledRejection", note);
    onTestFinished(() => void process.off("unhandledRejection", note));
    const { bus, errors } = startBus();
    const validate: StandardSchema<unknown, number> = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: async () => Promise.reject(new Error("no")),
      },
    };
    const { channel, initial, reduce } = list;
    const checked = defineLive({ channel, initial, reduce, validate });
    await bus.publish(1, { channel: "a" });
    expect((await checked.read(bus)).value).toEqual([]);
    expect(errors[0]?.message).toMatch(/must not be asynchronous/);
    // Node.js reports them after the microtasks.
    await new Promise((resolve) => setImmediate(resolve));
    expect(rejections).toEqual([]);
  });

  test("a schema's output is what is reduced", async () => {
    const { bus } = startBus();
    const doubled = defineLive({
      channel: "a",
      validate: z.number().transform((n) => n * 2),
      initial: 0,
      reduce: (sum, n) => sum + n,
    });
    await bus.publish(4, { channel: "a" });
    expect((await doubled.read(bus)).value).toBe(8);
  });
});

test("a message for which `reduce` throws is skipped and reported; others count", async () => {
  const { bus, errors } = startBus();
  const fragile = defineLive({
    channel: "a",
    initial: 0,
    reduce(sum, data: number) {
      if (data === 2) throw new Error("two");
      return sum + data;
    },
  });
  for (const data of [1, 2, 3]) await bus.publish(data, { channel: "a" });
  expect((await fragile.read(bus)).value).toBe(4);
  expect(errors).toMatchObject([{ code: "LISTENER_FAILED", cause: new Error("two") }]);
});

test("a `reduce` that throws no error ends nothing", async () => {
  const { bus, errors } = startBus();
  const strange = defineLive({
    channel: "a",
    initial: 0,
    reduce(sum, data: number) {
      // oxlint-disable-next-line typescript/only-throw-error -- what a user may do
      if (data === 2) throw undefined;
      return sum + data;
    },
  });
  expect((await strange.read(bus)).value).toBe(0);
  for (const data of [1, 2, 3]) await bus.publish(data, { channel: "a" });
  expect((await strange.read(bus)).value).toBe(4);
  expect(errors).toMatchObject([{ code: "LISTENER_FAILED" }]);
});

test("during `next build`, a read is an error", async () => {
  const { bus, readers } = startBus();
  vi.stubEnv("NEXT_PHASE", "phase-production-build");
  onTestFinished(() => void vi.unstubAllEnvs());
  await expect(list.read(bus)).rejects.toMatchObject({
    code: "CURSOR_AT_BUILD",
    message: expect.stringContaining("live.read(bus)") as string,
  });
  expect(readers.size).toBe(0);
});

test("an object that is no bus, and a channel that is none, are refused", async () => {
  const { bus } = startBus();
  const noBus = { cursor: async () => "" };
  await expect(list.read(noBus)).rejects.toMatchObject({ code: "INVALID_OPTION" });
  await expect(defineLive({ ...list, channel: "a b" }).read(bus)).rejects.toMatchObject({
    code: "INVALID_CHANNEL",
  });
  await expect(defineLive({ ...list, channel: "~control" }).read(bus)).rejects.toMatchObject({
    code: "INVALID_CHANNEL",
  });
});

describe("with a backend behind a network,", () => {
  function startLagging(maxMessages = 1000) {
    const server = createLaggingServer({ history: { maxMessages } });
    const network = server.connect();
    const publish = (data: number) => server.publish({ channel: "a", json: String(data) });
    return { server, network, publish, ...startBus({ backend: network.backend }) };
  }

  test("a read rejects while it is unavailable, and includes everything afterwards", async () => {
    const { network, publish, bus, readers } = startLagging();
    publish(1);
    expect((await list.read(bus)).value).toEqual([1]);
    network.cut();
    publish(2);
    await expect(list.read(bus)).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
    network.restore();
    expect((await list.read(bus)).value).toEqual([1, 2]);
    expect(readers.size).toBe(1);
  });

  test("a first read rejects while it is unavailable, and the next one works", async () => {
    const { network, publish, bus, readers } = startLagging();
    await bus.cursor();
    publish(1);
    network.cut();
    await expect(list.read(bus)).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
    expect(readers.size).toBe(0);
    network.restore();
    expect((await list.read(bus)).value).toEqual([1]);
  });

  test("a read that joins a fold that fails because of an earlier outage works", async () => {
    const { network, publish, bus } = startLagging();
    await bus.cursor();
    publish(1);
    network.isPrompt = false;
    const first = list.read(bus);
    network.deliver();
    await new Promise((resolve) => setImmediate(resolve));
    network.cut();
    network.isPrompt = true;
    network.restore();
    const second = list.read(bus);
    await expect(first).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
    expect((await second).value).toEqual([1]);
  });

  test("after a loss, the value is the fold of what the log keeps", async () => {
    const { network, publish, bus, readers } = startLagging(2);
    publish(1);
    expect((await list.read(bus)).value).toEqual([1]);
    network.cut();
    for (const data of [2, 3, 4, 5]) publish(data);
    network.restore();
    expect((await list.read(bus)).value).toEqual([4, 5]);
    await vi.waitFor(() => expect(readers.size).toBe(1));
  });

  test("after a restart of the log, the value is the fold of the new one", async () => {
    const { server, network, publish, bus, errors } = startLagging();
    publish(1);
    const before = await list.read(bus);
    server.loseData();
    publish(7);
    network.notice();
    const after = await list.read(bus);
    expect(after.value).toEqual([7]);
    expect(after.cursor.split("-")[2]).toBe("e2");
    expect(before.cursor.split("-")[2]).toBe("e1");
    expect(errors).toEqual([]);
  });

  test("reads during a restart wait for the new log", async () => {
    const { server, network, publish, bus } = startLagging();
    publish(1);
    await list.read(bus);
    network.isPrompt = false;
    server.loseData();
    publish(7);
    network.notice();
    const reads = [list.read(bus), list.read(bus)];
    let isSettled = false;
    void Promise.all(reads).then(() => (isSettled = true));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(isSettled).toBe(false);
    network.isPrompt = true;
    while (network.replies > 0) await network.reply();
    network.deliver();
    expect((await Promise.all(reads)).map(({ value }) => value)).toEqual([[7], [7]]);
  });
});

test("two buses on one log fold for themselves, to the same value", async () => {
  const backend = memoryBackend();
  const [one, two] = [startBus({ backend }).bus, startBus({ backend }).bus];
  await one.publish(1, { channel: "a" });
  await two.publish(2, { channel: "a" });
  expect(await list.read(one)).toEqual(await list.read(two));
});
