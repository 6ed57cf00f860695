import { afterEach, describe, expect, test, vi } from "vitest";
import { createBus } from "../core/bus.ts";
import type { Bus, BusOptions } from "../core/bus-types.ts";
import { isReserved } from "../core/channel-name.ts";
import { drainConnections } from "./drain.ts";
import { checkHost } from "./host.ts";
import { createStreamHandler } from "./stream-handler.ts";
import type { StreamOptions } from "./stream-options.ts";
import { readTestStream } from "../../test/support/event-stream.ts";
import { routeContext } from "./route-context.ts";

const buses: Bus[] = [];
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(buses.splice(0).map((bus) => bus.close()));
});

const URL_BASE = "http://localhost/api/sse";

function setUp(options: StreamOptions = {}, busOptions: BusOptions = {}, ip?: string) {
  const bus = createBus(busOptions);
  buses.push(bus);
  const context = routeContext(bus);
  const handle = createStreamHandler(context, options, {
    socketIp: () => ip,
    trustedProxies: 0,
  });
  const get = (query = "", headers: Record<string, string> = {}, signal?: AbortSignal) =>
    handle(new Request(`${URL_BASE}${query}`, { headers, ...(signal && { signal }) }));
  return { bus, context, handle, get };
}

/** Stops the wall clock, by which permissions expire; timers continue. Returns a function that moves it. */
function holdClock(): (ms: number) => void {
  vi.useFakeTimers({ toFake: ["Date"] });
  return (ms) => void vi.setSystemTime(Date.now() + ms);
}

async function problem(response: Response) {
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  return (await response.json()) as { status: number; code: string; detail: string };
}

describe("the stream", () => {
  test("starts with headers for proxies, and with `hello` in the first bytes", async () => {
    const { get } = setUp();
    const response = await get();
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(response.headers.get("cache-control")).toBe("no-cache, no-transform");
    expect(response.headers.get("x-accel-buffering")).toBe("no");
    const stream = readTestStream(response);
    const hello = await stream.next();
    expect(hello?.event).toBe("hello");
    expect(JSON.parse(hello?.data ?? "")).toEqual({
      connection: expect.any(String),
      channels: ["default"],
      cursor: hello?.id,
      head: hello?.id,
      resumed: false,
      heartbeatMs: 15_000,
    });
  });

  test("carries messages of its channels and of no other, with the channel in the id", async () => {
    const { bus, get } = setUp();
    const stream = readTestStream(await get("?channel=a&channel=b/*"));
    await stream.next();
    await bus.publish("elsewhere", { channel: "c" });
    await bus.publish({ n: 1 }, { channel: "a" });
    await bus.publish({ n: 2 }, { channel: "b/x", event: "named" });
    const first = await stream.next();
    const second = await stream.next();
    expect(first).toMatchObject({ data: '{"n":1}', id: expect.stringMatching(/@a$/) });
    expect(first?.event).toBeUndefined();
    expect(second).toMatchObject({ event: "named", data: '{"n":2}' });
    expect(second?.id).toMatch(/@b\/x$/);
  });

  test("resumes after Last-Event-ID with exactly the messages after it, then continues live", async () => {
    const { bus, get } = setUp();
    const ids: string[] = [];
    for (let n = 1; n <= 5; n++) ids.push((await bus.publish(n)).id);
    const stream = readTestStream(
      await get("?from=earliest", { "Last-Event-ID": ids[1] as string }),
    );
    const hello = await stream.next();
    expect(hello?.id).toBe(ids[1]);
    expect(JSON.parse(hello?.data ?? "")).toMatchObject({ resumed: true });
    await bus.publish(6);
    for (const n of [3, 4, 5, 6]) expect(await stream.next()).toMatchObject({ data: String(n) });
  });

  test("sends a gap before anything else if the cursor is of another epoch", async () => {
    const { bus, get } = setUp();
    await bus.publish(1);
    const stale = "5-mb1x2k3f-k3x9q7aa";
    const stream = readTestStream(await get("", { "Last-Event-ID": stale }));
    const hello = await stream.next();
    expect(hello?.id, "a connection cut before the gap must receive it again").toBe(stale);
    expect(JSON.parse(hello?.data ?? "")).toMatchObject({ resumed: false });
    const gap = await stream.next();
    expect(gap?.event).toBe("gap");
    expect(JSON.parse(gap?.data ?? "")).toEqual({ channels: ["default"], reason: "restarted" });
    expect(await stream.next()).toMatchObject({ data: "1" });
  });

  test("answers an invalid Last-Event-ID with a gap, because a browser cannot correct it", async () => {
    const { get } = setUp();
    const stream = readTestStream(await get("", { "Last-Event-ID": "42" }));
    await stream.next();
    expect(JSON.parse((await stream.next())?.data ?? "")).toMatchObject({ reason: "unknown" });
  });

  test.each(["lastEventId", "lastEventID", "Last-Event-ID"])(
    "resumes after %s in the query, as polyfills send it, and the header takes precedence",
    async (name) => {
      const { bus, get } = setUp();
      const ids: string[] = [];
      for (let n = 1; n <= 3; n++) ids.push((await bus.publish(n)).id);
      const query = `?from=latest&${name}=${encodeURIComponent(ids[0] as string)}`;
      const stream = readTestStream(await get(query));
      expect((await stream.next())?.id).toBe(ids[0]);
      for (const n of [2, 3]) expect(await stream.next()).toMatchObject({ data: String(n) });

      const other = readTestStream(await get(query, { "Last-Event-ID": ids[1] as string }));
      expect((await other.next())?.id).toBe(ids[1]);
      expect(await other.next()).toMatchObject({ data: "3" });

      const unknown = readTestStream(await get(`?${name}=nonsense`));
      await unknown.next();
      expect(JSON.parse((await unknown.next())?.data ?? "")).toMatchObject({ reason: "unknown" });
      const none = readTestStream(await get(`?${name}=`));
      expect(JSON.parse((await none.next())?.data ?? "")).toMatchObject({ resumed: false });
    },
  );

  test("is stored by no cache if access is restricted", async () => {
    const cors = { origins: ["https://app.example"] };
    const authorize = () => true;
    const cacheControl = async (options: StreamOptions, method = "GET") => {
      const { handle } = setUp(options);
      return (await handle(new Request(URL_BASE, { method }))).headers.get("cache-control");
    };
    for (const method of ["GET", "HEAD"]) {
      expect(await cacheControl({}, method)).toBe("no-cache, no-transform");
      expect(await cacheControl({ cors }, method)).toBe("no-cache, no-transform");
      expect(await cacheControl({ authorize }, method)).toBe("no-store, no-transform");
      expect(await cacheControl({ cors: { ...cors, credentials: true } }, method)).toBe(
        "no-store, no-transform",
      );
    }
  });

  test("starts with the newest message of each key with from=latest", async () => {
    const { bus, get } = setUp();
    for (const n of [1, 2, 3]) await bus.publish(n, { key: "a" });
    for (const n of [10, 20]) await bus.publish(n, { key: "b" });
    const stream = readTestStream(await get("?from=latest"));
    await stream.next();
    expect(await stream.next()).toMatchObject({ data: "3" });
    expect(await stream.next()).toMatchObject({ data: "20" });
    await bus.publish(4, { key: "a" });
    expect(await stream.next()).toMatchObject({ data: "4" });
  });

  test.each(["latest", "earliest"])(
    "sends `ping` as soon as from=%s has delivered everything kept, and not before",
    async (from) => {
      const { bus, get } = setUp();
      // Several packets: each is read before the next one is made.
      for (let n = 0; n < 5; n++) await bus.publish(`${n}`.repeat(30_000), { key: `k${n}` });
      await bus.publish("elsewhere", { channel: "other" });
      const stream = readTestStream(await get(`?from=${from}`));
      await stream.next();
      for (let n = 0; n < 5; n++) expect((await stream.next())?.event).toBeUndefined();
      expect(await stream.next()).toMatchObject({ event: "ping", id: await bus.cursor() });
      await bus.publish("live");
      expect(await stream.next()).toMatchObject({ data: '"live"' });
    },
  );

  test("sends `ping` immediately if from=latest finds nothing, after messages published during the read", async () => {
    const { bus, get } = setUp();
    const empty = readTestStream(await get("?from=latest"));
    await empty.next();
    expect((await empty.next())?.event).toBe("ping");
    const busy = readTestStream(await get("?from=latest"));
    await busy.next();
    void bus.publish("meanwhile");
    expect(await busy.next()).toMatchObject({ data: '"meanwhile"' });
    expect((await busy.next())?.event).toBe("ping");
    const resumed = readTestStream(await get("", { "Last-Event-ID": await bus.cursor() }));
    await resumed.next();
    await bus.publish("first");
    expect(await resumed.next()).toMatchObject({ data: '"first"' });
  });

  test("sends the head in hello, wherever the stream starts", async () => {
    const { bus, get } = setUp();
    const { id } = await bus.publish(1);
    await bus.publish(2, { channel: "other" });
    const head = await bus.cursor();
    for (const headers of [{}, { "Last-Event-ID": id }, { "Last-Event-ID": "1-1-other" }]) {
      const hello = await readTestStream(await get("?from=earliest", headers)).next();
      expect(JSON.parse(hello?.data ?? "")).toMatchObject({ head });
    }
  });

  test("sends `ping` with the head as id, also past messages of other channels", async () => {
    const { bus, get } = setUp({ heartbeatMs: 16 });
    const stream = readTestStream(await get());
    await bus.publish("elsewhere", { channel: "other" });
    const head = await bus.cursor();
    const ping = await stream.until("ping");
    expect(ping.id).toBe(head);
    expect(JSON.parse(ping.data)).toEqual({ time: expect.any(Number) });
  });

  test("ends with `bye` at its lifetime, then resumes elsewhere without loss", async () => {
    const { get } = setUp({ heartbeatMs: 16, maxLifetimeMs: 30 });
    const stream = readTestStream(await get());
    const bye = await stream.until("bye");
    expect(JSON.parse(bye.data)).toEqual({ reason: "lifetime", retryMs: expect.any(Number) });
    expect(await stream.next()).toBeUndefined();
  });

  test("ends at its lifetime, however long the heartbeat is", async () => {
    const { get } = setUp({ heartbeatMs: 600_000, maxLifetimeMs: 100 });
    const stream = readTestStream(await get());
    expect(JSON.parse((await stream.until("bye")).data)).toMatchObject({ reason: "lifetime" });
  });

  test("ends a client that reads nothing with `bye` and the reason slow", async () => {
    const { bus, context, get } = setUp({ heartbeatMs: 16, writeTimeoutMs: 40 });
    const stream = readTestStream(await get());
    await stream.next();
    await bus.publish(1);
    await expect.poll(() => bus.stats().connections).toBe(0);
    expect(context.connections.disconnects.get("slow")).toBe(1);
    // The message stays in the log until the client reconnects: no sink holds it.
    expect(JSON.parse((await stream.next())?.data ?? "")).toMatchObject({ reason: "slow" });
  });

  test("drains: every stream gets `bye`, and a new one is refused with Retry-After", async () => {
    const { context, get } = setUp();
    const streams = [readTestStream(await get()), readTestStream(await get())];
    drainConnections(context);
    for (const stream of streams) {
      const { data } = await stream.until("bye");
      expect(JSON.parse(data)).toEqual({ reason: "drain", retryMs: expect.any(Number) });
      expect(await stream.next()).toBeUndefined();
    }
    const refused = await get();
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(await problem(refused)).toMatchObject({ status: 503, code: "DRAINING" });
  });
});

describe("a 400 names the invalid channels", () => {
  test.each([
    ["?channel=ok&channel=a*b&channel=a%20b", "INVALID_CHANNEL", ["a*b", "a b"]],
    [`?channel=ok&channel=${"x".repeat(201)}`, "INVALID_CHANNEL", ["x".repeat(201)]],
    ["?channel=ok&channel=~control&channel=~a/**", "INVALID_CHANNEL", ["~control", "~a/**"]],
    ["?channel=a&channel=b&channel=c&channel=d&channel=e", "TOO_MANY_CHANNELS", ["d", "e"]],
    ["?channel=a/*&channel=ok&channel=b/*", "TOO_MANY_CHANNELS", ["b/*"]],
    ["?channel=ok&channel=a/b/c/*&channel=a/**", "PATTERN_TOO_DEEP", ["a/b/c/*"]],
  ])("%s: %s", async (query, code, channels) => {
    const { get } = setUp({ maxChannels: 3, maxPatterns: 1, maxPatternDepth: 3 });
    const response = await get(query);
    expect(await problem(response)).toMatchObject({ status: 400, code, channels });
    // Without them the rest is read.
    const rest = new URLSearchParams(query);
    for (const name of channels) rest.delete("channel", name);
    const again = await get(`?${rest}`);
    expect(again.status).toBe(200);
    await again.body?.cancel();
  });
});

describe("the host names that a stream accepts", () => {
  const status = async (host: string, allowedHosts?: string[]) => {
    const { get } = setUp({ allowedHosts });
    const response = await get("", { Host: host });
    const code = response.status === 200 ? 200 : (await problem(response)).code;
    await response.body?.cancel().catch(() => {});
    return code;
  };

  test.each([
    "localhost",
    "localhost:3000",
    "app.localhost:3000",
    "LOCALHOST.",
    "127.0.0.1:3000",
    "[::1]:3000",
    "192.168.1.20:3000",
  ])("%s always", async (host) => {
    expect(await status(host, [])).toBe(200);
  });

  test.each([
    "evil.example",
    "evil.example:3000",
    "localhost.evil.example",
    "notlocalhost",
    "1.2.3.4.nip.io",
  ])("do not include %s, unless all are allowed", async (host) => {
    expect(await status(host, [])).toBe("HOST_NOT_ALLOWED");
    expect(await status(host, ["laptop.local"])).toBe("HOST_NOT_ALLOWED");
    expect(await status(host)).toBe(200);
    expect(await status(host, ["*"])).toBe(200);
  });

  test("are those of the URL where the request has no `Host`", () => {
    const check = (url: string) => checkHost(new Request(url), { allowedHosts: ["app.example"] });
    expect(() => check("https://app.example:8443/")).not.toThrow();
    expect(() => check("https://evil.example/")).toThrow(
      expect.objectContaining({ problem: expect.objectContaining({ code: "HOST_NOT_ALLOWED" }) }),
    );
  });

  test("are the listed ones, and those below an entry that starts with a dot", async () => {
    const allowed = ["Laptop.local", ".test"];
    expect(await status("laptop.LOCAL:3000", allowed)).toBe(200);
    expect(await status("a.b.test", allowed)).toBe(200);
    expect(await status("test", allowed)).toBe("HOST_NOT_ALLOWED");
    expect(await status("x.laptop.local", allowed)).toBe("HOST_NOT_ALLOWED");
  });

  test.each(["http://a", "a:3000", "a/b", "", "a b"])(
    "%j is not a host name and is rejected immediately",
    (name) => {
      expect(() => setUp({ allowedHosts: [name] })).toThrow(
        expect.objectContaining({ code: "INVALID_OPTION" }),
      );
    },
  );
});

describe("clean-up", () => {
  test("a cancelled body, an aborted request and both together leak nothing", async () => {
    const { bus, context, get } = setUp({ heartbeatMs: 1000 });
    const abort = new AbortController();
    const cancelled = readTestStream(await get());
    await get("", {}, abort.signal);
    const both = new AbortController();
    const twice = readTestStream(await get("", {}, both.signal));
    expect(bus.stats().connections).toBe(3);
    await cancelled.cancel();
    abort.abort();
    both.abort();
    await twice.cancel();
    expect(bus.stats()).toMatchObject({ connections: 0, channels: 0 });
    expect(context.connections.disconnects.get("client")).toBe(3);
    // Those of the control channel, which stays open with the bus.
    expect([context.engine.cohorts.size, context.engine.readers.size]).toEqual([1, 1]);
  });

  test("a request that is already aborted opens nothing", async () => {
    const { bus, get } = setUp();
    await get("", {}, AbortSignal.abort());
    expect(bus.stats().connections).toBe(0);
  });

  test("a body that is never read ends after the write timeout", async () => {
    const { bus, get } = setUp({ heartbeatMs: 16, writeTimeoutMs: 32 });
    await get();
    await expect.poll(() => bus.stats().connections).toBe(0);
  });

  test("HEAD returns the headers and opens nothing", async () => {
    const { bus, handle } = setUp();
    const response = await handle(new Request(URL_BASE, { method: "HEAD" }));
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    expect(response.body).toBeNull();
    expect(bus.stats().connections).toBe(0);
  });
});

describe("refusals", () => {
  test.each([
    ["?channel=no spaces", {}, 400, "INVALID_CHANNEL"],
    ["?channel=a%0d%0ab", {}, 400, "INVALID_CHANNEL"],
    ["?channel=", {}, 400, "INVALID_CHANNEL"],
    ["?channel=a*", {}, 400, "INVALID_CHANNEL"],
    ["?from=yesterday", {}, 400, "INVALID_CURSOR"],
    ["", { Accept: "application/json" }, 406, "NOT_ACCEPTABLE"],
    ["", { Accept: "text/event-stream;q=0, */*" }, 406, "NOT_ACCEPTABLE"],
    ["", { Accept: "image/avif,image/webp,image/*,*/*;q=0.8" }, 406, "NOT_ACCEPTABLE"],
    ["", { Accept: "text/css,*/*;q=0.1" }, 406, "NOT_ACCEPTABLE"],
  ] as const)("%s with %o is %i %s", async (query, headers, status, code) => {
    const { bus, context, get } = setUp();
    const response = await get(query, headers);
    expect(response.status).toBe(status);
    expect(await problem(response)).toMatchObject({ status, code });
    expect(bus.stats().connections).toBe(0);
    expect(context.connections.refusals.get(code)).toBe(1);
  });

  test.each([
    "text/html,*/*;q=0.8",
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "text/event-stream, image/png",
    "text/*",
    "*/*",
    "text/event-stream",
    "",
  ])("accepts a client with Accept: %j", async (accept) => {
    const { get } = setUp();
    expect((await get("", { Accept: accept })).status).toBe(200);
  });

  test("other methods are 405 with Allow", async () => {
    const { handle } = setUp();
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      const response = await handle(new Request(URL_BASE, { method }));
      expect(response.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
      expect(await problem(response)).toMatchObject({ status: 405, code: "METHOD_NOT_ALLOWED" });
    }
  });

  test("too many channels, patterns or connections are refused", async () => {
    const { get } = setUp({ maxChannels: 2, maxPatterns: 1, maxConnections: 1 });
    const code = async (query: string) => (await problem(await get(query))).code;
    expect(await code("?channel=a&channel=b&channel=c")).toBe("TOO_MANY_CHANNELS");
    expect(await code("?channel=a/*&channel=b/*")).toBe("TOO_MANY_CHANNELS");
    expect((await get()).status).toBe(200);
    const refused = await get();
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).not.toBeNull();
  });

  test("the depth of a pattern is limited, because each segment costs memory", async () => {
    const { context, get } = setUp();
    const { status, code } = await problem(await get(`?channel=a${"/*".repeat(16)}`));
    expect({ status, code }).toEqual({ status: 400, code: "PATTERN_TOO_DEEP" });
    expect((await get(`?channel=a${"/*".repeat(15)}`)).status).toBe(200);
    expect((await get(`?channel=a${"/b".repeat(60)}`)).status, "no pattern").toBe(200);
    expect(context.connections.limitsHit.get("maxPatternDepth")).toBe(1);
  });

  test("requests that wait for authorize count, so simultaneous requests cannot exceed a limit", async () => {
    const answers: ((decision: boolean) => void)[] = [];
    const { context, get } = setUp(
      {
        maxConnections: 3,
        maxConnectionsPerClient: 2,
        authorize: () => new Promise<boolean>((resolve) => answers.push(resolve)),
      },
      {},
      "203.0.113.7",
    );
    const pending = [get(), get()];
    expect((await get()).status, "a third of this address").toBe(429);
    await expect.poll(() => answers.length).toBe(2);
    for (const answer of answers) answer(false);
    for (const refused of await Promise.all(pending)) expect(refused.status).toBe(403);
    expect(context.connections.places).toBe(0);
    expect(context.connections.perClient.size).toBe(0);
    expect(context.connections.limitsHit.get("maxConnectionsPerClient")).toBe(1);
  });

  test("a page of another site cannot make its visitors hold streams open", async () => {
    const { bus, get } = setUp();
    const image = { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", Accept: "*/*" };
    expect(await problem(await get("", image))).toMatchObject({ status: 403, code: "CROSS_SITE" });
    expect(bus.stats().connections).toBe(0);
  });

  test("one address cannot take all connections, and a closed one no longer counts", async () => {
    const { get } = setUp({ maxConnectionsPerClient: 1 }, {}, "203.0.113.7");
    const stream = readTestStream(await get());
    const refused = await get();
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).not.toBeNull();
    await stream.cancel();
    expect((await get()).status).toBe(200);
  });
});

describe("the history of patterns", () => {
  test("is limited per address: others are still served", async () => {
    const { bus, context, get } = setUp({ maxReplaysPerClient: 2 }, {}, "203.0.113.7");
    await bus.publish(1, { channel: "a/1" });
    const { backend } = context.engine;
    const { read } = backend;
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    Object.assign(backend, {
      read: async (topic: string) =>
        isReserved(topic) ? read(topic) : held.then(() => read(topic)),
    });
    const waiting = ["?channel=**&from=earliest", "?channel=a/*&from=latest"].map((query) =>
      get(query),
    );
    await expect.poll(() => context.connections.replays.get("203.0.113.7")).toBe(2);
    const response = await get("?channel=a/**&from=earliest");
    expect(await problem(response)).toMatchObject({ status: 429, code: "TOO_MANY_CONNECTIONS" });
    expect(response.headers.get("retry-after")).toBe("1");
    expect(context.connections.limitsHit.get("maxReplaysPerClient")).toBe(1);
    // Neither a live pattern nor a single channel reads all history.
    for (const query of ["?channel=**", "?channel=a/2"])
      expect((await get(query)).status).toBe(200);
    release();
    for (const each of await Promise.all(waiting)) expect(each.status).toBe(200);
    expect(context.connections.replays.size).toBe(0);
    expect((await get("?channel=a/**&from=earliest")).status).toBe(200);
  });

  test("that exceeds the limit of a request is sent after a gap", async () => {
    const { bus, get } = setUp({ maxReplayBytes: 700 });
    for (let n = 0; n < 5; n++) await bus.publish(n);
    const stream = readTestStream(await get("?from=earliest"));
    expect(JSON.parse((await stream.next())?.data ?? "")).toMatchObject({ resumed: false });
    const gap = await stream.next();
    expect(JSON.parse(gap?.data ?? "")).toEqual({ channels: ["default"], reason: "evicted" });
    for (const data of ["3", "4"]) expect(await stream.next()).toMatchObject({ data });
  });
});

describe("authorization", () => {
  test.each([
    [true, 200],
    [false, 403],
    [403, 403],
    [401, 401],
    [{ channels: [] }, 403],
  ] as const)("an answer of %o is %i", async (answer, status) => {
    const { get } = setUp({ authorize: () => answer });
    expect((await get()).status).toBe(status);
  });

  test("an authorize that throws denies access and is reported", async () => {
    const errors: Error[] = [];
    const { get } = setUp(
      {
        authorize: () => {
          throw new Error("database is down");
        },
      },
      { onError: (error) => errors.push(error) },
    );
    expect((await get()).status).toBe(403);
    expect(errors).toEqual([expect.objectContaining({ code: "AUTHORIZATION_FAILED" })]);
  });

  test("an onError that throws or rejects has no effect", async () => {
    const fail = (): never => {
      throw new Error("authorize");
    };
    const reject = (): unknown => Promise.reject(new Error("onError"));
    for (const onError of [fail, reject]) {
      const printed = vi.spyOn(console, "error").mockImplementation(() => {});
      const { get } = setUp({ authorize: fail }, { onError });
      expect((await get()).status).toBe(403);
      await new Promise((resolve) => setImmediate(resolve));
      expect(printed).toHaveBeenCalledOnce();
      printed.mockRestore();
    }
  });

  test("only the granted channels are read, and `hello` lists them", async () => {
    const { bus, get } = setUp({ authorize: async () => ({ channels: ["orders/7"] }) });
    const stream = readTestStream(await get("?channel=orders/*&channel=secrets"));
    expect(JSON.parse((await stream.next())?.data ?? "").channels).toEqual(["orders/7"]);
    await bus.publish("no", { channel: "secrets" });
    await bus.publish("no", { channel: "orders/8" });
    await bus.publish("yes", { channel: "orders/7" });
    expect(await stream.next()).toMatchObject({ data: '"yes"' });
  });

  test("a channel that was not requested cannot be granted by mistake", async () => {
    const { get } = setUp({ authorize: () => ({ channels: ["admin"] }) }, { onError() {} });
    expect((await get("?channel=orders")).status).toBe(403);
  });

  test("nothing of a channel is read before authorize resolves, nor after a refusal", async () => {
    let answer: ((decision: boolean) => void) | undefined;
    const { bus, get } = setUp({
      authorize: () => new Promise((resolve) => (answer = resolve)),
    });
    const pending = get("?channel=secrets");
    await expect.poll(() => answer).toBeDefined();
    await bus.publish("secret", { channel: "secrets" });
    expect(bus.stats().channels).toBe(0);
    answer?.(false);
    const response = await pending;
    await bus.publish("secret", { channel: "secrets" });
    expect(await response.text()).not.toContain('"secret"');
  });

  test("a stream that is authorized after the drain began is refused, because nothing would end it", async () => {
    let answer: ((decision: boolean) => void) | undefined;
    const { context, get } = setUp({
      authorize: () => new Promise((resolve) => (answer = resolve)),
    });
    const pending = get();
    await expect.poll(() => answer).toBeDefined();
    drainConnections(context);
    answer?.(true);
    expect(await problem(await pending)).toMatchObject({ status: 503, code: "DRAINING" });
    expect(context.connections).toMatchObject({ open: new Set(), places: 0 });
  });

  test("sends no byte of what is published after the permission expires, however late the heartbeat", async () => {
    const passes = holdClock();
    let asked = 0;
    const { bus, get } = setUp({
      heartbeatMs: 60_000,
      authorize: () => (++asked > 1 ? 401 : { expiresAt: Date.now() + 30 }),
    });
    const stream = readTestStream(await get());
    await stream.next();
    await bus.publish("before");
    expect(await stream.next()).toMatchObject({ data: '"before"' });
    passes(30);
    await bus.publish("after");
    expect(JSON.parse((await stream.next())?.data ?? "")).toMatchObject({ reason: "unauthorized" });
    expect(await stream.next()).toBeUndefined();
  });

  test("messages published during the renewal of a permission follow, once and in order", async () => {
    const passes = holdClock();
    const answers: ((grant: { expiresAt: number }) => void)[] = [];
    let asked = 0;
    const { bus, get } = setUp({
      heartbeatMs: 60_000,
      authorize: () => {
        if (++asked === 1) return { expiresAt: Date.now() + 30 };
        return new Promise<{ expiresAt: number }>((resolve) => answers.push(resolve));
      },
    });
    const stream = readTestStream(await get());
    await stream.next();
    passes(30);
    // A web stream delivers on request: request first.
    const first = stream.next();
    for (let n = 1; n <= 3; n++) await bus.publish(n);
    await expect.poll(() => answers.length).toBe(1);
    await bus.publish(4);
    answers[0]?.({ expiresAt: Date.now() + 60_000 });
    expect(await first).toMatchObject({ data: "1" });
    for (const n of [2, 3, 4]) expect(await stream.next()).toMatchObject({ data: String(n) });
    await bus.publish(5);
    expect(await stream.next()).toMatchObject({ data: "5" });
    expect(asked).toBe(2);
  });

  test("a renewal that hangs ends the stream in time and leaks nothing", async () => {
    const passes = holdClock();
    let asked = 0;
    const { bus, get } = setUp(
      {
        heartbeatMs: 60_000,
        authorizeTimeoutMs: 30,
        authorize: () =>
          ++asked > 1 ? new Promise<boolean>(() => {}) : { expiresAt: Date.now() + 20 },
      },
      { onError() {} },
    );
    const stream = readTestStream(await get());
    await stream.next();
    passes(20);
    await bus.publish("after");
    expect((await stream.next())?.event).toBe("bye");
    expect(bus.stats().connections).toBe(0);
  });

  test("an expired permission ends the stream, and a renewed one does not", async () => {
    let asked = 0;
    const { get } = setUp({
      heartbeatMs: 16,
      authorize: () => (++asked > 2 ? 401 : { expiresAt: Date.now() + 200 }),
    });
    const stream = readTestStream(await get());
    const bye = await stream.until("bye");
    expect(JSON.parse(bye.data)).toMatchObject({ reason: "unauthorized" });
    expect(asked, "asked at the start, renewed once, then refused").toBe(3);
  });
});

describe("CORS", () => {
  const origin = "https://app.example.com";

  test("is off by default", async () => {
    const { get } = setUp();
    const { headers } = await get("", { Origin: origin });
    expect(headers.get("access-control-allow-origin")).toBeNull();
  });

  test("lets exact origins read, with credentials only if enabled", async () => {
    const { get } = setUp({ cors: { origins: [origin], credentials: true } });
    const allowed = (await get("", { Origin: origin })).headers;
    expect(allowed.get("access-control-allow-origin")).toBe(origin);
    expect(allowed.get("access-control-allow-credentials")).toBe("true");
    const other = (await get("", { Origin: "https://app.example.com.evil" })).headers;
    expect(other.get("access-control-allow-origin")).toBeNull();
    expect(other.get("vary")).toBe("Origin");
  });

  test("answers a preflight for the headers a fetch client sends", async () => {
    const { handle } = setUp({ cors: { origins: [origin] } });
    const response = await handle(
      new Request(URL_BASE, { method: "OPTIONS", headers: { Origin: origin } }),
    );
    expect(response.status).toBe(204);
    expect(response.headers.get("access-control-allow-headers")).toContain("Last-Event-ID");
  });
});
