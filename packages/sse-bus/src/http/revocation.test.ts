import { afterEach, describe, expect, test, vi } from "vitest";
import { createArrayLog } from "../../test/support/array-log.ts";
import { readTestStream } from "../../test/support/event-stream.ts";
import { createBus } from "../core/bus.ts";
import type { Bus, BusOptions } from "../core/bus-types.ts";
import { publishReserved } from "../core/reserved.ts";
import type { Authorization, Authorize } from "./authorize.ts";
import { routeContext } from "./route-context.ts";
import { createStreamHandler } from "./stream-handler.ts";
import type { StreamOptions } from "./stream-options.ts";

const buses: Bus[] = [];
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(buses.splice(0).map((bus) => bus.close()));
});

const byHeader: Authorize = ({ request }) => {
  const id = request.headers.get("x-user");
  return id === null || { identity: { id } };
};

function setUp(options: StreamOptions = { authorize: byHeader }, busOptions: BusOptions = {}) {
  const errors: Error[] = [];
  const bus = createBus({ onError: (error) => errors.push(error), ...busOptions });
  buses.push(bus);
  const context = routeContext(bus);
  const host = { socketIp: () => undefined, trustedProxies: 0 };
  const handle = createStreamHandler(context, { heartbeatMs: 60_000, ...options }, host);
  const get = (query = "", user?: string) =>
    handle(
      new Request(`http://localhost/api/sse${query}`, {
        headers: user === undefined ? {} : { "x-user": user },
      }),
    );
  return {
    bus,
    context,
    errors,
    get,
    /** A stream whose `hello` has been read. */
    async open(query = "", user?: string) {
      const stream = readTestStream(await get(query, user));
      const hello = await stream.until("hello");
      return { ...stream, hello: JSON.parse(hello.data) as { connection: string } };
    },
  };
}

async function byeOf(stream: { until(type: string): Promise<{ data: string }> }) {
  return JSON.parse((await stream.until("bye")).data) as Record<string, unknown>;
}

describe("bus.disconnect", () => {
  test("ends the streams of an identity with bye revoked and the code, and no others", async () => {
    const { bus, context, open } = setUp();
    const [one, two, other, anonymous] = await Promise.all([
      open("?channel=a", "ada"),
      open("?channel=b", "ada"),
      open("?channel=a", "bob"),
      open("?channel=a"),
    ]);
    expect(await bus.disconnect({ identity: "ada" }, { code: "SIGNED_OUT" })).toBe(2);
    for (const stream of [one, two]) {
      expect(await byeOf(stream)).toEqual({
        reason: "revoked",
        retryMs: expect.any(Number),
        code: "SIGNED_OUT",
      });
      expect(await stream.next()).toBeUndefined();
    }
    await bus.publish("after", { channel: "a" });
    for (const stream of [other, anonymous]) {
      expect(await stream.next()).toMatchObject({ data: '"after"' });
    }
    expect(context.connections.disconnects.get("revoked")).toBe(2);
    expect(await bus.disconnect({ identity: "ada" })).toBe(0);
    await Promise.all([other.cancel(), anonymous.cancel()]);
  });

  test("leaves `code` out of bye if it is not given", async () => {
    const { bus, open } = setUp();
    const stream = await open("", "ada");
    await bus.disconnect({ identity: "ada" });
    expect(await byeOf(stream)).not.toHaveProperty("code");
  });

  test("ends one stream by the connection of its hello", async () => {
    const { bus, open } = setUp();
    const [one, two] = await Promise.all([open("", "ada"), open("", "ada")]);
    expect(await bus.disconnect({ connection: one.hello.connection })).toBe(1);
    expect(await byeOf(one)).toMatchObject({ reason: "revoked" });
    expect(bus.stats().connections).toBe(1);
    await two.cancel();
  });

  test("of a channel also ends streams of patterns that cover it", async () => {
    const { bus, open } = setUp();
    const streams = await Promise.all([
      open("?channel=rooms/7"),
      open("?channel=rooms/*"),
      open("?channel=**"),
      open("?channel=rooms/8"),
      open("?channel=rooms/7/log"),
    ]);
    expect(await bus.disconnect({ channel: "rooms/7" })).toBe(3);
    expect(bus.stats().connections).toBe(2);
    expect(await bus.disconnect({ channel: "rooms/**" })).toBe(2);
    for (const stream of streams) expect(await byeOf(stream)).toMatchObject({ reason: "revoked" });
  });

  test("needs every given field to match", async () => {
    const { bus, open } = setUp();
    const stream = await open("?channel=a", "ada");
    expect(await bus.disconnect({ identity: "ada", channel: "b" })).toBe(0);
    expect(await bus.disconnect({ identity: "bob", channel: "a" })).toBe(0);
    expect(await bus.disconnect({ identity: "ada", channel: "a" })).toBe(1);
    expect(await byeOf(stream)).toMatchObject({ reason: "revoked" });
  });

  test("rejects what could end other streams than meant, and ends none", async () => {
    const { bus, open } = setUp();
    const stream = await open("", "ada");
    for (const target of [{}, { identity: undefined }, { user: "ada" }]) {
      await expect(bus.disconnect(target as never)).rejects.toMatchObject({
        code: "INVALID_OPTION",
      });
    }
    await expect(bus.disconnect({ channel: "a b" })).rejects.toMatchObject({
      code: "INVALID_CHANNEL",
    });
    expect(bus.stats().connections).toBe(1);
    await stream.cancel();
  });

  test("works without a stream route, and not on a closed bus", async () => {
    const bus = createBus();
    expect(await bus.disconnect({ identity: "ada" })).toBe(0);
    await bus.close();
    await expect(bus.disconnect({ identity: "ada" })).rejects.toMatchObject({ code: "BUS_CLOSED" });
  });

  test("ends streams before it returns its promise: what is published next is not delivered", async () => {
    const { bus, open } = setUp();
    const stream = await open("?channel=a", "ada");
    void bus.publish("before", { channel: "a" });
    const ended = bus.disconnect({ identity: "ada" });
    expect(bus.stats().connections).toBe(0);
    await bus.publish("after", { channel: "a" });
    expect(await ended).toBe(1);
    const events = [];
    for (let event = await stream.next(); event; event = await stream.next()) events.push(event);
    expect(events.map(({ event }) => event)).toEqual(["bye"]);
  });

  test("counts nothing in the metrics of messages", async () => {
    const { bus, open } = setUp();
    const stream = await open("", "ada");
    const { published, delivered, channels, listeners } = bus.stats();
    await bus.disconnect({ identity: "bob" });
    expect(bus.stats()).toMatchObject({ published, delivered, channels, listeners });
    expect(channels).toBe(1);
    await stream.cancel();
  });
});

describe("a stream that a disconnect meets while", () => {
  /** Answers of `authorize` that the test gives, one for each call. */
  function asked() {
    const calls: ((answer: Authorization) => void)[] = [];
    const authorize: Authorize = () => new Promise((resolve) => calls.push(resolve));
    return {
      calls,
      authorize,
      async answer(n: number, answer: Authorization) {
        await expect.poll(() => calls.length).toBeGreaterThanOrEqual(n);
        calls[n - 1]?.(answer);
      },
    };
  }
  const ada = { identity: { id: "ada" } };

  test("authorize runs is checked again, and refused if access was withdrawn", async () => {
    const { calls, authorize, answer } = asked();
    const { bus, context, get } = setUp({ authorize });
    const pending = get();
    await expect.poll(() => calls.length).toBe(1);
    expect(await bus.disconnect({ identity: "ada" })).toBe(0);
    await answer(1, ada);
    await answer(2, 403);
    // Of one channel alone nothing more is asked.
    expect((await pending).status).toBe(403);
    expect(context.connections).toMatchObject({ places: 0, open: new Set() });
  });

  test("authorize runs opens if authorize grants it again, or if another stream is meant", async () => {
    const { calls, authorize, answer } = asked();
    const { bus, get } = setUp({ authorize });
    const pending = get("?channel=a");
    await expect.poll(() => calls.length).toBe(1);
    await bus.disconnect({ identity: "bob" });
    await bus.disconnect({ channel: "b" });
    await bus.disconnect({ connection: "c1" });
    await answer(1, ada);
    expect((await pending).status).toBe(200);
    const again = get("?channel=a");
    await expect.poll(() => calls.length).toBe(2);
    await bus.disconnect({ channel: "*" });
    await answer(2, ada);
    await answer(3, ada);
    expect((await again).status).toBe(200);
  });

  test("authorize runs gets 503 if that happens again and again", async () => {
    const { calls, authorize, answer } = asked();
    const { bus, get } = setUp({ authorize });
    const pending = get();
    for (let n = 1; n <= 3; n++) {
      await expect.poll(() => calls.length).toBe(n);
      await bus.disconnect({ identity: "ada" });
      await answer(n, ada);
    }
    const response = await pending;
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.json()).toMatchObject({ code: "AUTHORIZATION_UNAVAILABLE" });
  });

  test("authorize runs is checked again after more disconnects than are remembered", async () => {
    const { calls, authorize, answer } = asked();
    const { bus, get } = setUp({ authorize });
    const pending = get();
    await expect.poll(() => calls.length).toBe(1);
    for (let n = 0; n < 300; n++) await bus.disconnect({ identity: `user-${n}` });
    await answer(1, { identity: { id: "user-0" } });
    await answer(2, 401);
    expect((await pending).status).toBe(401);
  });

  test("its permission is renewed ends, and what was held for it is dropped", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const { calls, authorize, answer } = asked();
    const { bus, get } = setUp({ authorize });
    const pending = get();
    await answer(1, { ...ada, expiresAt: Date.now() + 1000 });
    const stream = readTestStream(await pending);
    await stream.next();
    vi.setSystemTime(Date.now() + 1000);
    const next = stream.next();
    await bus.publish("held");
    await expect.poll(() => calls.length).toBe(2);
    expect(await bus.disconnect({ identity: "ada" })).toBe(1);
    await answer(2, { ...ada, expiresAt: Date.now() + 60_000 });
    expect(JSON.parse((await next)?.data ?? "")).toMatchObject({ reason: "revoked" });
    expect(await stream.next()).toBeUndefined();
  });
});

describe("on several instances", () => {
  function setUpTwo(options?: StreamOptions) {
    const log = createArrayLog();
    const instance = () => setUp(options, { backend: log.connect() });
    return { log, here: instance(), there: instance() };
  }

  test("a disconnect ends the streams of the others, before anything that is published after it", async () => {
    const { here, there } = setUpTwo();
    const mine = await here.open("?channel=a", "ada");
    const theirs = await there.open("?channel=a", "ada");
    const bobs = await there.open("?channel=a", "bob");
    expect(await here.bus.disconnect({ identity: "ada" }, { code: "BANNED" })).toBe(1);
    await here.bus.publish("after", { channel: "a" });
    expect(await mine.next()).toMatchObject({ event: "bye" });
    const bye = await theirs.next();
    expect(bye).toMatchObject({ event: "bye" });
    expect(JSON.parse(bye?.data ?? "")).toMatchObject({ reason: "revoked", code: "BANNED" });
    expect(await bobs.next()).toMatchObject({ data: '"after"' });
    await bobs.cancel();
  });

  test("an instance does not act twice on its own disconnect: a stream that opens after it stays", async () => {
    const { here, there } = setUpTwo();
    const first = await here.open("", "ada");
    const ended = here.bus.disconnect({ identity: "ada" });
    const second = await here.open("", "ada");
    expect(await ended).toBe(1);
    // The order arrives through the log before this message does.
    await there.bus.publish("after");
    expect(await second.next()).toMatchObject({ data: '"after"' });
    expect(await first.until("bye")).toBeDefined();
    await second.cancel();
  });

  test("an instance without streams sends the order to those that have some", async () => {
    const { log, there } = setUpTwo();
    const stream = await there.open("", "ada");
    const bus = createBus({ backend: log.connect() });
    buses.push(bus);
    expect(await bus.disconnect({ identity: "ada" })).toBe(0);
    expect(await byeOf(stream)).toMatchObject({ reason: "revoked" });
  });

  test("an order that was given before an instance had its first stream does not end that one", async () => {
    const { here, there } = setUpTwo();
    await here.bus.disconnect({ identity: "ada" });
    const stream = await there.open("", "ada");
    await here.bus.publish("after");
    expect(await stream.next()).toMatchObject({ data: '"after"' });
    await stream.cancel();
  });

  test("after a loss of orders every checked client is checked again, and others stay", async () => {
    const { log, here } = setUpTwo();
    const checked = await here.open("", "ada");
    const anonymous = await here.open("");
    const open = setUp({}, { backend: log.connect() });
    const unchecked = await open.open("");
    log.loseData();
    expect(await byeOf(checked)).toMatchObject({ reason: "lifetime" });
    expect(await byeOf(anonymous)).toMatchObject({ reason: "lifetime" });
    expect((await unchecked.until("gap")).event).toBe("gap");
    expect(open.bus.stats().connections).toBe(1);
    await unchecked.cancel();
  });

  test("an order that cannot be read is reported, and ends nothing", async () => {
    const { here, there } = setUpTwo();
    const stream = await there.open("", "ada");
    for (const data of [null, 7, {}, { identity: 7, sender: "x" }]) {
      await publishReserved(here.context, "~control", "disconnect", data);
    }
    await here.bus.publish("after");
    expect(await stream.next()).toMatchObject({ data: '"after"' });
    expect(there.errors.map((error) => (error as { code?: string }).code)).toEqual(
      Array.from({ length: 4 }, () => "INVALID_DATA"),
    );
    await stream.cancel();
  });
});
