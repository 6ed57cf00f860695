import { afterEach, describe, expect, test, vi } from "vitest";
import { createBus, internalsOf } from "../core/bus.ts";
import { WARM_MS } from "../core/warm-cohorts.ts";
import type { Bus, BusOptions } from "../core/bus-types.ts";
import { connectionsOf } from "./connections.ts";
import { drainConnections } from "./drain.ts";
import { routeContext } from "./route-context.ts";
import { createStreamHandler } from "./stream-handler.ts";
import type { StreamOptions } from "./stream-options.ts";
import { readPage } from "../../test/support/read-page.ts";

const buses: Bus[] = [];
afterEach(async () => {
  await Promise.all(buses.splice(0).map((bus) => bus.close()));
});

const URL_BASE = "http://localhost/api/sse";
const JSON_TYPE = { Accept: "application/json" };

function setUp(options: StreamOptions = {}, busOptions: BusOptions = {}) {
  const bus = createBus(busOptions);
  buses.push(bus);
  const context = routeContext(bus);
  const handle = createStreamHandler(context, options, {
    socketIp: () => undefined,
    trustedProxies: 0,
  });
  const get = async (query: string, headers: Record<string, string> = {}, signal?: AbortSignal) =>
    handle(new Request(`${URL_BASE}?${query}`, { headers, ...(signal && { signal }) }));
  const waiting = async (count: number) =>
    expect.poll(() => connectionsOf(internalsOf(bus)).open.size).toBe(count);
  return { bus, context, get, waiting };
}

async function publishAll(bus: Bus, data: readonly unknown[], channel = "default") {
  const ids: string[] = [];
  for (const each of data) ids.push((await bus.publish(each, { channel })).id);
  return ids;
}

const encoded = encodeURIComponent;

describe("a page", () => {
  test("is the beginning of the stream, and ends with the cursor to continue from", async () => {
    const { bus, get } = setUp();
    const ids = await publishAll(bus, ["a", "b", "c", "d"]);
    const response = await get(`wait=0&limit=2&from=${ids[0]}`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(response.headers.get("x-accel-buffering")).toBeNull();
    const { events, bytes } = await readPage(response);
    expect(response.headers.get("content-length")).toBe(String(bytes));
    expect(events.map(({ event = "message", id, data }) => [event, id, JSON.parse(data)])).toEqual([
      [
        "hello",
        ids[0],
        { channels: ["default"], cursor: ids[0], resumed: true, heartbeatMs: 15_000 },
      ],
      ["message", ids[1], "b"],
      ["message", ids[2], "c"],
      ["bye", ids[2], { reason: "page", retryMs: 0, more: true }],
    ]);
  });

  test("at the head ends with a cursor that is the head's, and says that there is no more", async () => {
    const { bus, get } = setUp();
    const [id] = await publishAll(bus, ["a"]);
    await publishAll(bus, ["elsewhere"], "b");
    const { events } = await readPage(await get(`wait=0&from=${id}`));
    expect(events.map(({ event }) => event)).toEqual(["hello", "bye"]);
    expect(events[1]?.id).toBe(await bus.cursor());
    expect(JSON.parse(events[1]?.data ?? "")).toEqual({
      reason: "page",
      retryMs: 2000,
      more: false,
      time: expect.any(Number),
    });
    expect(JSON.parse(events[0]?.data ?? "")).toMatchObject({ head: await bus.cursor() });
  });

  test("as JSON has the messages with all their fields", async () => {
    const { bus, get } = setUp();
    const cursor = await bus.cursor();
    const one = await bus.publish({ n: 1 }, { channel: "orders/1", key: "k", event: "made" });
    const raw = await bus.publish("<li>\n</li>", { channel: "orders/2", raw: true });
    const response = await get(`channel=orders/*&wait=0&from=${cursor}`, JSON_TYPE);
    expect(response.headers.get("content-type")).toBe("application/json");
    const text = await response.text();
    expect(response.headers.get("content-length")).toBe(String(Buffer.byteLength(text)));
    expect(JSON.parse(text)).toEqual({
      messages: [
        {
          id: one.id,
          channel: "orders/1",
          event: "made",
          data: { n: 1 },
          key: "k",
          time: one.time,
        },
        { id: raw.id, channel: "orders/2", event: "message", data: "<li>\n</li>", time: raw.time },
      ],
      cursor: await bus.cursor(),
      more: false,
    });
  });

  test("with exactly as many messages as there are says that there is no more", async () => {
    const { bus, get } = setUp();
    const cursor = await bus.cursor();
    await publishAll(bus, [1, 2]);
    const page = await (await get(`wait=0&limit=2&from=${cursor}`, JSON_TYPE)).json();
    expect(page).toMatchObject({ more: false, messages: [{ data: 1 }, { data: 2 }] });
  });

  test("reports a loss as a stream does, before what history still has", async () => {
    const { bus, get } = setUp({}, { history: { maxMessages: 2 } });
    const [first] = await publishAll(bus, [1, 2, 3, 4]);
    const page = await (await get(`wait=0&from=${first}`, JSON_TYPE)).json();
    expect(page).toMatchObject({
      gap: { channels: ["default"], reason: "evicted" },
      messages: [{ data: 3 }, { data: 4 }],
    });
    const { events } = await readPage(await get(`wait=0&limit=1&from=${first}`));
    expect(events.map(({ event = "message" }) => event)).toEqual([
      "hello",
      "gap",
      "message",
      "bye",
    ]);
    const foreign = await (await get("wait=0&from=1-1-1", JSON_TYPE)).json();
    expect(foreign).toMatchObject({
      gap: { channels: ["default"], reason: "restarted" },
      messages: [{ data: 3 }, { data: 4 }],
    });
  });

  test("has at most 256 KiB, and one message of any size", async () => {
    const { bus, get } = setUp();
    interface SizedPage {
      readonly messages: readonly { readonly data: string }[];
      readonly cursor: string;
    }
    let cursor = await bus.cursor();
    await publishAll(bus, ["x".repeat(100_000), "x".repeat(100_000), "x".repeat(262_100), "end"]);
    const sizes: number[][] = [];
    while (sizes.flat().length < 4) {
      const response = await get(`wait=0&from=${cursor}`, JSON_TYPE);
      const page = (await response.json()) as SizedPage;
      sizes.push(page.messages.map(({ data }) => data.length));
      ({ cursor } = page);
    }
    expect(sizes).toEqual([[100_000, 100_000], [262_100], [3]]);
  });

  test("counts as delivered what it has, and no connection stays", async () => {
    const { bus, context, get, waiting } = setUp();
    const cursor = await bus.cursor();
    await publishAll(bus, [1, 2, 3, 4, 5]);
    const before = bus.stats().delivered;
    await get(`wait=0&limit=2&from=${cursor}`);
    expect(bus.stats().delivered - before).toBe(2);
    await waiting(0);
    const { connects, disconnects, pages } = context.connections;
    expect({ connects, ended: disconnects.size, pages }).toEqual({
      connects: 0,
      ended: 0,
      pages: 1,
    });
  });

  test("includes what was published in the same turn", async () => {
    const { bus, get } = setUp();
    await get("wait=0");
    const cursor = await bus.cursor();
    const published = bus.publish("now");
    const page = await (await get(`wait=0&from=${cursor}`, JSON_TYPE)).json();
    expect(page).toMatchObject({ messages: [{ data: "now" }] });
    await published;
  });

  test.each([
    ["wait=61", "`wait` must be a whole number of seconds from 0 to 60."],
    ["wait=-1", "`wait` must be a whole number of seconds from 0 to 60."],
    ["wait=1.5", "`wait` must be a whole number of seconds from 0 to 60."],
    ["wait=0&limit=0", "`limit` must be a whole number of messages from 1 to 1000."],
    ["wait=0&limit=1001", "`limit` must be a whole number of messages from 1 to 1000."],
    ["w%61it=x", "`wait` must be a whole number of seconds from 0 to 60."],
  ])("is refused with %s", async (query, detail) => {
    const response = await setUp().get(query);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "INVALID_PAGE", detail });
  });

  test.each([
    ["application/json", "application/json"],
    ["application/json, text/plain, */*", "application/json"],
    ["application/json;q=0.5, text/event-stream", "text/event-stream; charset=utf-8"],
    ["application/json, text/event-stream", "text/event-stream; charset=utf-8"],
    ["*/*", "text/event-stream; charset=utf-8"],
    ["image/png, */*", "application/problem+json"],
  ])("for Accept: %s is %s", async (Accept, type) => {
    const response = await setUp().get("wait=0", { Accept });
    expect(response.headers.get("content-type")).toBe(type);
  });
});

describe("a long poll", () => {
  test("is answered with the messages of the next turn in which there are some", async () => {
    const { bus, get, waiting } = setUp();
    const answer = get("wait=30", JSON_TYPE);
    await waiting(1);
    await Promise.all([bus.publish(1), bus.publish(2)]);
    const page = await (await answer).json();
    expect(page).toMatchObject({ messages: [{ data: 1 }, { data: 2 }], more: false });
    await waiting(0);
  });

  test("is answered immediately if something is there, or was lost", async () => {
    const { bus, get } = setUp({}, { history: { maxMessages: 1 } });
    const ids = await publishAll(bus, [1, 2, 3]);
    const page = await (await get(`wait=60&from=${ids[0]}`, JSON_TYPE)).json();
    expect(page).toMatchObject({ gap: { reason: "evicted" }, messages: [{ data: 3 }] });
    const ahead = ids[2]?.replace(/^[^-]+/, "zz");
    expect(await (await get(`wait=60&from=${ahead}`, JSON_TYPE)).json()).toMatchObject({
      gap: { reason: "ahead" },
      messages: [],
    });
  });

  test("ends empty after its time, with a cursor that has moved", async () => {
    const { bus, get, waiting } = setUp();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const answer = get("wait=7");
      await vi.waitFor(() => waiting(1));
      await bus.publish("elsewhere", { channel: "b" });
      await vi.advanceTimersByTimeAsync(7000);
      const { events } = await readPage(await answer);
      expect(events.map(({ event }) => event)).toEqual(["hello", "bye"]);
      expect(events[1]).toMatchObject({ id: await bus.cursor() });
      expect(JSON.parse(events[1]?.data ?? "")).toEqual({
        reason: "page",
        retryMs: 0,
        more: false,
        time: expect.any(Number),
      });
    } finally {
      vi.useRealTimers();
    }
  });

  test("whose client disconnects is freed", async () => {
    const { bus, get, waiting } = setUp();
    const abort = new AbortController();
    void get("wait=60", {}, abort.signal);
    await waiting(1);
    abort.abort();
    await waiting(0);
    expect(bus.stats().channels).toBe(0);
    expect(connectionsOf(internalsOf(bus)).places).toBe(0);
  });

  test("counts in the limits of streams, and is refused where they are reached", async () => {
    const { get, waiting } = setUp({ maxConnections: 1 });
    const abort = new AbortController();
    void get("wait=60", {}, abort.signal);
    await waiting(1);
    const json = await get("wait=60", JSON_TYPE);
    expect(json.status).toBe(503);
    expect(await json.json()).toMatchObject({ code: "TOO_MANY_CONNECTIONS" });
    const native = await get("wait=60", { Accept: "text/event-stream" });
    expect(native.status).toBe(200);
    const { events } = await readPage(native);
    expect(events.map(({ event, data }) => [event, JSON.parse(data)])).toEqual([
      ["bye", { reason: "limit", retryMs: expect.any(Number), code: "TOO_MANY_CONNECTIONS" }],
    ]);
    abort.abort();
    await waiting(0);
  });

  test("ends with `bye` when the server drains; as JSON with the refusal of a request that came now", async () => {
    const { context, get, waiting } = setUp();
    const answers = [get("wait=60"), get("wait=60", JSON_TYPE)] as const;
    await waiting(2);
    drainConnections(context);
    const { events } = await readPage(await answers[0]);
    expect(events.map(({ event }) => event)).toEqual(["hello", "bye"]);
    expect(JSON.parse(events[1]?.data ?? "")).toMatchObject({ reason: "drain" });
    const json = await answers[1];
    expect(json.status).toBe(503);
    expect(await json.json()).toMatchObject({ code: "DRAINING" });
  });

  test.each([
    ["application/json", 503],
    ["text/event-stream", 200],
  ])("that is ended while history is read is refused (Accept: %s)", async (Accept, status) => {
    const { bus, context, get, waiting } = setUp();
    const [id] = await publishAll(bus, [1, 2]);
    const { backend } = context.engine;
    let goOn = (): void => {};
    const gate = new Promise<void>((resolve) => (goOn = resolve));
    const read = backend.read.bind(backend);
    vi.spyOn(backend, "read").mockImplementation(async (topic) => {
      if (topic === "default") await gate;
      return read(topic);
    });
    const answer = get(`wait=0&from=${id}`, { Accept });
    await waiting(1);
    drainConnections(context);
    goOn();
    const response = await answer;
    expect(response.status).toBe(status);
    expect(await response.text()).toContain('"code":"DRAINING"');
    await waiting(0);
  });

  test("ends when its client's access is revoked, and delivers nothing", async () => {
    const authorize = () => ({ identity: { id: "ann" } });
    const { bus, get, waiting } = setUp({ authorize });
    const answers = [get("wait=60"), get("wait=60", JSON_TYPE)] as const;
    await waiting(2);
    await bus.disconnect({ identity: "ann" }, { code: "BANNED" });
    await bus.publish("secret");
    const { events } = await readPage(await answers[0]);
    expect(events.map(({ event, data }) => [event, JSON.parse(data).reason])).toEqual([
      ["hello", undefined],
      ["bye", "revoked"],
    ]);
    expect(JSON.parse(events[1]?.data ?? "")).toMatchObject({ code: "BANNED" });
    expect((await answers[1]).status).toBe(403);
  });

  test("holds messages back while its permission is renewed, and loses none", async () => {
    let asked = 0;
    let renew = (): void => {};
    const { bus, get, waiting } = setUp({
      async authorize() {
        if (asked++ === 0) return { expiresAt: Date.now() + 30 };
        await new Promise<void>((resolve) => (renew = resolve));
        return true;
      },
    });
    const answer = get("wait=60", JSON_TYPE);
    await waiting(1);
    await new Promise((resolve) => setTimeout(resolve, 40));
    await bus.publish("held");
    await expect.poll(() => asked).toBe(2);
    renew();
    expect(await (await answer).json()).toMatchObject({ messages: [{ data: "held" }] });
  });
});

describe("a full page behind the head", () => {
  async function full(options: StreamOptions, headers: Record<string, string> = {}, extra = "") {
    const { bus, get } = setUp(options, { history: { maxAgeMs: 600_000 } });
    const ids = await publishAll(bus, [1, 2, 3], "news/1");
    const query = `channel=news/*&wait=0&limit=1&from=${encoded(ids[0] ?? "")}${extra}`;
    return { bus, get, query, response: await get(query, headers) };
  }

  test("has a strong ETag, which stays when more is published, and answers 304", async () => {
    const { bus, get, query, response } = await full({ public: true });
    const etag = response.headers.get("etag") ?? "";
    expect(etag).toMatch(/^"[0-9a-f]{32}"$/);
    await publishAll(bus, [4, 5], "news/2");
    const again = await get(query, { "If-None-Match": `"x", W/${etag}` });
    expect(again.status).toBe(304);
    expect(again.headers.get("etag")).toBe(etag);
    expect(again.headers.get("cache-control")).toMatch(/^public, max-age=/);
    expect(await again.text()).toBe("");
    const json = await get(query, { ...JSON_TYPE, "If-None-Match": etag });
    expect(json.status).toBe(200);
    expect(json.headers.get("etag")).not.toBe(etag);
  });

  test("of public channels may be cached for as long as history may keep it", async () => {
    const { response } = await full({ public: ["news/*"] });
    const age = /^public, max-age=(\d+)$/.exec(response.headers.get("cache-control") ?? "")?.[1];
    expect(Number(age)).toBeGreaterThan(590);
    expect(Number(age)).toBeLessThanOrEqual(600);
    expect(response.headers.get("vary")).toBe("Accept, Last-Event-ID");
  });

  test.each<[string, StreamOptions, Record<string, string>, string, string]>([
    ["without `public`", {}, {}, "", "no-cache"],
    ["of a channel that is not public", { public: ["other/*"] }, {}, "", "no-cache"],
    ["with `authorize`", { authorize: () => true }, {}, "", "no-store"],
    ["with cookies", { cors: { origins: [], credentials: true } }, {}, "", "no-store"],
    [
      "of which `authorize` grants a part",
      { authorize: () => ({ channels: ["news/1"] }), public: ["news/*"] },
      {},
      "",
      "no-store",
    ],
    ["with its cursor in a header", { public: true }, { "Last-Event-ID": "" }, "", "no-cache"],
  ])("%s is not cached by others", async (_, options, headers, extra, control) => {
    const { response } = await full(options, headers, extra);
    expect(response.headers.get("cache-control")).toBe(control);
    expect(response.headers.get("etag")).not.toBeNull();
  });

  test("of public channels is cached also where `authorize` decides about others", async () => {
    const { response } = await full({ authorize: () => true, public: ["news/*"] });
    expect(response.headers.get("cache-control")).toMatch(/^public, max-age=/);
  });

  test.each([
    ["at the head", "channel=news/1&wait=0&from=earliest"],
    ["from earliest", "channel=news/1&wait=0&limit=1&from=earliest"],
    ["after a gap", "channel=news/1&wait=0&limit=1&from=1-1-1"],
  ])("is one from a cursor only: a page %s is not stored", async (_, query) => {
    const { get } = await full({ public: true });
    const response = await get(query);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("etag")).toBeNull();
  });

  test("`public: true` contradicts `authorize`", () => {
    expect(() => setUp({ public: true, authorize: () => true })).toThrow(/contradicts `authorize`/);
  });
});

test("a client that polls reads the backend's history once, and its channel is freed a while later", async () => {
  const { bus, context, get } = setUp();
  const read = vi.spyOn(context.engine.backend, "read");
  const [id] = await publishAll(bus, [1, 2, 3]);
  let cursor = id ?? "";
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    for (const data of [2, 3]) {
      const page = await (await get(`wait=9&limit=1&from=${cursor}`, JSON_TYPE)).json();
      expect(page).toMatchObject({ messages: [{ data }] });
      ({ cursor } = page as { cursor: string });
    }
    expect(read.mock.calls.filter(([topic]) => topic === "default")).toHaveLength(1);
    expect(bus.stats()).toMatchObject({ connections: 0, channels: 1 });
    vi.advanceTimersByTime(WARM_MS);
    expect(bus.stats().channels).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});
