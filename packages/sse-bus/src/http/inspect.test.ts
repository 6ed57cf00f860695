import { afterEach, expect, test } from "vitest";
import { routeContext } from "./route-context.ts";
import { createStreamHandler } from "./stream-handler.ts";
import { readTestStream } from "../../test/support/event-stream.ts";
import { createBus, internalsOf } from "../core/bus.ts";
import type { Bus, BusOptions } from "../core/bus-types.ts";
import { subscribeReserved } from "../core/reserved.ts";
import { drainStreams } from "./drain.ts";
import { inspectBus } from "./inspect.ts";

const buses: Bus[] = [];
afterEach(async () => {
  await Promise.all(buses.splice(0).map((bus) => bus.close()));
});

function setUp(options: BusOptions = {}) {
  const bus = createBus(options);
  buses.push(bus);
  const host = { socketIp: () => undefined, trustedProxies: 0 };
  const handle = createStreamHandler(routeContext(bus), {}, host);
  return {
    bus,
    /** A stream whose `hello` has been read. */
    async open(query: string) {
      const stream = readTestStream(await handle(new Request(`http://localhost/api/sse?${query}`)));
      const hello = await stream.until("hello");
      return { ...stream, hello: JSON.parse(hello.data) as { connection: string; cursor: string } };
    },
  };
}

/** Everything published so far has been delivered to the readers that can take it. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

test("an idle bus is reported as idle, and is not opened", () => {
  const { bus } = setUp();
  const snapshot = inspectBus(bus);
  expect(snapshot).toMatchObject({
    head: null,
    stats: { backend: "memory", connections: 0 },
    connections: { total: 0, listed: [] },
    channels: { total: 0, listed: [] },
  });
  expect(internalsOf(bus).engine.lifecycle.state).toBe("created");
  expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot);
});

test("the bus's own channels are not listed, and do not count", async () => {
  const { bus, open } = setUp();
  await open("channel=a");
  const internals = internalsOf(bus);
  const own = subscribeReserved(internals, "~control", () => {}, { onGap() {} });
  await own.live;
  const { channels, stats } = inspectBus(bus);
  expect(channels).toMatchObject({ total: 1, listed: [{ name: "a" }] });
  expect(stats).toMatchObject({ channels: 1, listeners: 0 });
});

test("a stream that keeps up has its position and the number of bytes it received", async () => {
  const { bus, open } = setUp();
  const stream = await open("channel=a&channel=b");
  const before = inspectBus(bus).connections.listed[0];
  const reading = stream.next();
  const { id } = await bus.publish({ n: 1 }, { channel: "a" });
  await reading;
  const after = inspectBus(bus).connections.listed[0];
  expect(after).toMatchObject({
    id: stream.hello.connection,
    channels: ["a", "b"],
    cursor: id.split("@")[0],
    lag: 0,
    sink: "web",
  });
  expect((after?.bytes ?? 0) - (before?.bytes ?? 0)).toBe(`id: ${id}\ndata: {"n":1}\n\n`.length);
  expect(before?.bytes).toBeGreaterThan(100);
  await stream.cancel();
  expect(inspectBus(bus).connections).toEqual({ total: 0, listed: [] });
});

test("the lag of a stream that does not read grows, but its memory does not", async () => {
  const { bus, open } = setUp({ history: { maxMessages: 10 } });
  const stream = await open("channel=a");
  for (let n = 0; n < 50; n++) {
    await bus.publish(n, { channel: "a" });
    await settle();
  }
  const { connections, channels, history } = inspectBus(bus);
  // Nothing is written before it is read.
  expect(connections.listed[0]?.lag).toBe(50);
  expect(channels.listed).toMatchObject([{ name: "a", readers: 1, received: 50, messages: 10 }]);
  expect(history.bytes).toBeLessThan(10_000);
  const gap = await stream.next();
  expect(gap?.event).toBe("gap");
  expect(JSON.parse(gap?.data ?? "")).toMatchObject({ reason: "evicted", count: 40 });
  await stream.cancel();
});

test("a limited number is listed, those that lag first, and all are counted", async () => {
  const { bus, open } = setUp();
  const streams = await Promise.all(Array.from({ length: 8 }, () => open("channel=quiet")));
  const busy = await open("channel=busy");
  for (let n = 0; n < 3; n++) {
    await bus.publish(n, { channel: "busy" });
    await settle();
  }
  const { connections, channels } = inspectBus(bus, { maxConnections: 3, maxChannels: 1 });
  expect(connections.total).toBe(9);
  expect(connections.listed).toHaveLength(3);
  expect(connections.listed[0]).toMatchObject({ id: busy.hello.connection, lag: 3 });
  expect(channels).toMatchObject({ total: 2, listed: [{ name: "quiet", readers: 8 }] });
  expect(inspectBus(bus, { maxConnections: 0 }).connections).toEqual({ total: 9, listed: [] });
  await Promise.all([...streams, busy].map((stream) => stream.cancel()));
});

test("a stream of many channels does not make the response long", async () => {
  const { bus, open } = setUp();
  const names = Array.from({ length: 60 }, (_, n) => `channel=c${n}`);
  const stream = await open(names.join("&"));
  expect(inspectBus(bus).connections.listed[0]?.channels).toHaveLength(10);
  expect(inspectBus(bus).channels.listed).toHaveLength(50);
  await stream.cancel();
});

test("draining a channel ends its streams with `bye`, and no others", async () => {
  const { bus, open } = setUp();
  const own = await open("channel=a&channel=x");
  const other = await open("channel=b");
  expect(drainStreams(bus, "a")).toBe(1);
  const bye = await own.until("bye");
  expect(JSON.parse(bye.data)).toMatchObject({ reason: "drain" });
  expect(await own.next()).toBeUndefined();
  expect(inspectBus(bus).connections.total).toBe(1);
  expect(drainStreams(bus, "a")).toBe(0);
  // The bus continues: a drained stream may resume, and has missed nothing.
  await bus.publish(1, { channel: "a" });
  const back = await open(`channel=a&from=${own.hello.cursor}`);
  expect((await back.until("message")).data).toBe("1");
  await Promise.all([back.cancel(), other.cancel()]);
});

test.each([
  ["maxConnections", { maxConnections: -1 }],
  ["maxChannels", { maxChannels: 1.5 }],
])("%s must be a count", (name, options) => {
  expect(() => inspectBus(setUp().bus, options)).toThrow(name);
});
