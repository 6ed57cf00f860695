import { readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";

import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";

import {
  type Answer,
  startStreamServer,
  type StreamRequest,
  type StreamServer,
} from "../../test/support/stream-server.ts";
import { createTestBus } from "../testing/test-bus.ts";
import { waitForStatus } from "../testing/wait-for-status.ts";
import { readAnswer } from "./answer.ts";
import type { SseClientError } from "./client-error.ts";
import type { SseClient, SseClientOptions, SseConnection } from "./client-types.ts";
import { createClient, createSseClient } from "./client.ts";

/** Reconnects quickly, so that the tests do. */
/** A machine that stalls for seconds looks like a network that holds streams back: then a stream is tried again soon. */
const FAST = { backoff: { baseMs: 5, maxMs: 20 }, probeMs: 300 };

afterEach(() => vi.restoreAllMocks());

describe("a subscription", () => {
  test("gets what is published to its channel, once and in order, and nothing else", async () => {
    const { server, client, collect } = await setUp();
    const orders = collect(client, "orders/42");
    const all = collect(client, "orders/*");
    await isOpen(client);
    server.publish({ total: 1 }, { channel: "orders/42" });
    server.publish({ total: 2 }, { channel: "orders/7" });
    server.publish("elsewhere", { channel: "other" });
    server.publish({ total: 3 }, { channel: "orders/42", event: "paid" });
    await all.until(3);
    expect(orders.data).toEqual([{ total: 1 }, { total: 3 }]);
    expect(all.data).toEqual([{ total: 1 }, { total: 2 }, { total: 3 }]);
  });

  test("gets the message as second argument: id, channel, event and time", async () => {
    const { server, client } = await setUp();
    const message = new Promise((resolve) => {
      client.subscribe("orders/42", (_, received) => resolve(received));
    });
    await isOpen(client);
    const id = server.publish("x", { channel: "orders/42", event: "paid" });
    expect(await message).toEqual({
      id,
      channel: "orders/42",
      event: "paid",
      data: "x",
      time: expect.closeTo(Date.now(), -3),
    });
  });

  test("gets raw data as a string, and resumes from its id", async () => {
    await using server = createTestBus();
    const { bus, url, fetch } = server;
    using client = createSseClient({ url, fetch, ...FAST });
    const seen: unknown[] = [];
    const errors: unknown[] = [];
    client.subscribe("rows", (data) => seen.push(data), { onGap: (gap) => errors.push(gap) });
    await waitForStatus(client, "open");
    await bus.publish("<li>a</li>\n<li>1</li>", { channel: "rows", raw: true });
    await bus.publish("1", { channel: "rows", raw: true });
    await bus.publish(1, { channel: "rows" });
    await bus.publish("", { channel: "rows", raw: true });
    await vi.waitFor(() => expect(seen).toHaveLength(4), WAIT);
    server.cut();
    await bus.publish("<b>", { channel: "rows", raw: true });
    await vi.waitFor(() => expect(seen).toHaveLength(5), WAIT);
    expect(seen).toEqual(["<li>a</li>\n<li>1</li>", "1", 1, "", "<b>"]);
    expect(errors).toEqual([]);
  });

  test("with an event gets only messages of that event", async () => {
    const { server, client, collect } = await setUp();
    const paid = collect(client, "a", { event: "paid" });
    const rest = collect(client, "a");
    await isOpen(client);
    server.publish(1, { channel: "a" });
    server.publish(2, { channel: "a", event: "paid" });
    await rest.until(2);
    expect(paid.data).toEqual([2]);
  });

  test("from a cursor gets everything after it and nothing before", async () => {
    const { server, client, collect } = await setUp();
    server.publish("before");
    const cursor = server.head();
    server.publish("between render and connect");
    const page = collect(client, "default", { cursor });
    await page.until(1);
    server.publish("after");
    await page.until(2);
    expect(page.data).toEqual(["between render and connect", "after"]);
    expect(server.requests[0]?.headers["last-event-id"]).toBe(cursor);
  });

  test("accepts the id of a message as a cursor", async () => {
    const { server, client, collect } = await setUp();
    const id = server.publish("seen", { channel: "a" });
    server.publish("next", { channel: "a" });
    const page = collect(client, "a", { cursor: `${id}@a` });
    await page.until(1);
    expect(page.data).toEqual(["next"]);
  });

  test("returns its cursor when it ends, and another one resumes from there", async () => {
    const { server, client, collect } = await setUp();
    collect(client, "b"); // Keeps the connection.
    const first = collect(client, "a");
    await isOpen(client);
    server.publish(1, { channel: "a" });
    await first.until(1);
    const cursor = first.end();
    server.publish(2, { channel: "a" });
    server.publish(3, { channel: "b" });
    const second = collect(client, "a", { cursor });
    await second.until(1);
    expect(second.data).toEqual([2]);
    expect(first.data).toEqual([1]);
  });

  test("with an invalid cursor gets a gap, and the others keep theirs", async () => {
    const { server, client, collect } = await setUp();
    const cursor = server.head();
    server.publish(1, { channel: "a" });
    const good = collect(client, "a", { cursor });
    const bad = collect(client, "a", { cursor: "nonsense" });
    await good.until(1);
    await vi.waitFor(() => expect(bad.gaps).toHaveLength(1), WAIT);
    expect(good.gaps).toEqual([]);
    server.publish(2, { channel: "a" });
    await good.until(2);
    expect(good.data).toEqual([1, 2]);
    expect(bad.data.at(-1)).toBe(2);
  });

  test("without a cursor does not get the history that others get", async () => {
    const { server, client, collect } = await setUp();
    const cursor = server.head();
    server.publish("old", { channel: "a" });
    const early = collect(client, "a", { cursor });
    const now = collect(client, "a");
    await early.until(1);
    server.publish("new", { channel: "a" });
    await now.until(1);
    expect(now.data).toEqual(["new"]);
    expect(early.data).toEqual(["old", "new"]);
  });

  test("from `latest` starts on a separate connection, and joins the others at the head", async () => {
    const { server, client, collect } = await setUp();
    const live = collect(client, "b");
    await isOpen(client);
    server.publish("kept", { channel: "a" });
    const snapshot = collect(client, "a", { cursor: "latest" });
    const other = collect(client, "a", { cursor: "latest" });
    await snapshot.until(1);
    expect(server.requests.filter(({ from }) => from === "latest")).toHaveLength(1);
    server.publish("while apart", { channel: "a" });
    await snapshot.until(2);
    for (const stream of server.streams) stream.ping();
    await server.until((now) => now.streams.length === 1);
    expect(server.streams[0]?.channels).toEqual(["a", "b"]);
    server.publish("together", { channel: "a" });
    server.publish("b", { channel: "b" });
    await Promise.all([snapshot.until(3), live.until(1)]);
    expect(snapshot.data).toEqual(["kept", "while apart", "together"]);
    expect(other.data).toEqual(snapshot.data);
    expect(snapshot.gaps).toEqual([]);
  });

  test("from `latest` soon shares the one connection, and one without a cursor gets no history, with the real route", async () => {
    await using server = createTestBus();
    const publish = async (data: number) => server.bus.publish(data, { channel: "a" });
    const cursor = await server.bus.cursor();
    await publish(1);
    using client = createSseClient({ url: server.url, fetch: server.fetch, ...FAST });
    const heard: Record<string, unknown[]> = { latest: [], cursor: [], now: [] };
    client.subscribe("a", (data) => heard.latest?.push(data), { cursor: "latest" });
    client.subscribe("a", (data) => heard.cursor?.push(data), { cursor });
    client.subscribe("a", (data) => heard.now?.push(data));
    // Long before a heartbeat.
    await vi.waitFor(() => expect([server.requests, server.open]).toEqual([2, 1]), WAIT);
    await publish(2);
    await vi.waitFor(
      () => expect(heard).toEqual({ latest: [1, 2], cursor: [1, 2], now: [2] }),
      WAIT,
    );
  });

  test("from `latest` that ends before the head leaks nothing", async () => {
    const { server, client, collect } = await setUp();
    const snapshot = collect(client, "a", { cursor: "latest" });
    await server.until(2);
    snapshot.end();
    await server.until(0);
    // The server may see the end before the client's promises have run.
    await vi.waitFor(() => expect(client.status).toBe("idle"), WAIT);
  });

  test("with an invalid channel name throws at once", async () => {
    const { client } = await setUp();
    expect(() => client.subscribe("a b", () => {})).toThrow(
      expect.objectContaining({ code: "INVALID_CHANNEL" }),
    );
    expect(client.status).toBe("idle");
  });
});

describe("listeners", () => {
  test("that throw are reported, lose no message and affect no other listener", async () => {
    const errors: string[] = [];
    const { server, client, collect } = await setUp({
      onError: ({ code, cause }) => errors.push(`${code} ${(cause as Error).message}`),
    });
    client.subscribe("a", () => {
      throw new Error("mine");
    });
    const good = collect(client, "a");
    await isOpen(client);
    server.publish(1, { channel: "a" });
    server.publish(2, { channel: "a" });
    await good.until(2);
    expect(errors).toEqual(["LISTENER_FAILED mine", "LISTENER_FAILED mine"]);
    expect(server.requests).toHaveLength(1);
  });

  test("that throw, with an onError that throws, affect nothing else: the cursor moves, the stream stays open", async () => {
    const thrown: string[] = [];
    vi.stubGlobal("queueMicrotask", (run: () => void) => {
      void Promise.resolve().then(() => {
        try {
          run();
        } catch (error) {
          // The page reports it as any uncaught error.
          thrown.push((error as Error).message);
        }
      });
    });
    onTestFinished(() => void vi.unstubAllGlobals());
    const { server, client, collect } = await setUp({
      onError() {
        throw new Error("onError");
      },
    });
    const first = collect(client, "a");
    client.subscribe("a", () => {
      throw new Error("mine");
    });
    const last = collect(client, "a");
    await isOpen(client);
    server.publish(1, { channel: "a" });
    server.publish(2, { channel: "a" });
    await last.until(2);
    expect([first.data, last.data]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    await vi.waitFor(() => expect(thrown).toEqual(["onError", "onError"]), WAIT);
    expect(server.requests).toHaveLength(1);
    expect(client.status).toBe("open");
  });

  test("may unsubscribe each other in the middle of a message", async () => {
    const { server, client, collect } = await setUp();
    client.subscribe("a", () => void other.end());
    const other = collect(client, "a");
    const last = collect(client, "a");
    await isOpen(client);
    server.publish(1, { channel: "a" });
    await last.until(1);
    expect(other.data).toEqual([]);
  });

  test("may close the client in the middle of a message", async () => {
    const { server, client, collect } = await setUp();
    const heard = collect(client, "a");
    client.subscribe("a", () => client.close());
    await isOpen(client);
    server.publish(1, { channel: "a" });
    server.publish(2, { channel: "a" });
    await server.until(0);
    expect(heard.data).toEqual([1]);
    expect(client.status).toBe("closed");
  });

  test("do not get a message that is not JSON; it is reported", async () => {
    const errors: string[] = [];
    const { server, client, collect } = await setUp({ onError: ({ code }) => errors.push(code) });
    const heard = collect(client, "default");
    await isOpen(client);
    server.streams[0]?.write(`id: ${server.head().replace(/^[^-]+/, "zz")}\ndata: {oops\n\n`);
    await vi.waitFor(() => expect(errors).toEqual(["INVALID_MESSAGE"]), WAIT);
    expect(heard.data).toEqual([]);
    expect(client.status).toBe("open");
  });
});

describe("one connection", () => {
  test("serves all subscriptions of one turn with one request", async () => {
    const { server, client, collect } = await setUp();
    for (const channel of ["a", "b", "c", "a"]) collect(client, channel);
    await isOpen(client);
    expect(server.requests).toHaveLength(1);
    expect(server.requests[0]?.channels).toEqual(["a", "b", "c"]);
  });

  test("is not replaced for a second subscription to one of its channels", async () => {
    const { server, client, collect } = await setUp();
    collect(client, "a");
    await isOpen(client);
    const second = collect(client, "a");
    await nextStatus(client, "a", "open");
    server.publish(1, { channel: "a" });
    await second.until(1);
    expect(server.requests).toHaveLength(1);
  });

  test("for an added channel is made before the old one is closed, without loss or duplicates", async () => {
    const { server, client, collect } = await setUp();
    const statuses = watch(client);
    const a = collect(client, "a");
    await isOpen(client);
    for (let n = 0; n < 20; n++) {
      server.publish(n, { channel: "a" });
      if (n === 10) collect(client, "b");
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await a.until(20);
    await server.until((now) => now.streams.length === 1 && now.streams[0]?.channels.length === 2);
    expect(a.data).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(server.mostStreams).toBe(2);
    expect(statuses).toEqual(["connecting", "open"]);
  });

  test("drops a channel without subscriptions at the next heartbeat", async () => {
    const { server, client, collect } = await setUp();
    const a = collect(client, "a");
    collect(client, "b");
    await isOpen(client);
    server.delayMs = 60; // Longer than interest is collected: later interest must not cancel it.
    a.end();
    server.streams[0]?.ping();
    await server.until((now) => now.streams[0]?.channels.join() === "b");
    await server.until(1);
    expect(server.requests).toHaveLength(2);
  });

  test("always carries the `channels` option, so that subscribing to them does not reconnect", async () => {
    const { server, client, collect } = await setUp({ channels: ["news"] });
    expect(server.requests).toHaveLength(0);
    collect(client, "a");
    await isOpen(client);
    expect(server.requests[0]?.channels).toEqual(["a", "news"]);
    const news = collect(client, "news");
    await nextStatus(client, "news", "open");
    server.publish("n", { channel: "news" });
    await news.until(1);
    expect(server.requests).toHaveLength(1);
  });

  test("stays open for a second after its last subscription, and then leaves nothing open", async () => {
    const { server, client, collect } = await setUp();
    const first = collect(client, "a");
    await isOpen(client);
    first.end();
    const second = collect(client, "a");
    await nextStatus(client, "a", "open");
    expect(server.requests).toHaveLength(1);
    second.end();
    second.end();
    await server.until(0);
    expect(client.status).toBe("idle");
    collect(client, "a");
    await isOpen(client);
  });
});

describe("a lost stream", () => {
  test("is reported, and resumed from the last message without loss or duplicates", async () => {
    const { server, client, collect } = await setUp(FAST);
    const statuses = watch(client);
    const a = collect(client, "a");
    await isOpen(client);
    server.publish(1, { channel: "a" });
    await a.until(1);
    server.streams[0]?.cut();
    await waitForStatus(client, "reconnecting");
    expect(client.getStatus().error?.code).toBe("STREAM_LOST");
    expect(client.getStatus().retryAt).toBeTypeOf("number");
    server.publish(2, { channel: "a" });
    await a.until(2);
    expect(a.data).toEqual([1, 2]);
    expect(statuses).toEqual(["connecting", "open", "reconnecting", "open"]);
    expect(client.getStatus().error).toBeUndefined();
  });

  test("is resumed from the last heartbeat after a quiet time, so that eviction causes no gap", async () => {
    const { server, client, collect } = await setUp(FAST);
    const a = collect(client, "a");
    await isOpen(client);
    for (let n = 0; n < 5; n++) server.publish(n, { channel: "elsewhere" });
    server.evict();
    server.streams[0]?.ping();
    await arrived(client, server);
    server.streams[0]?.cut();
    await server.until((now) => now.requests.length === 2);
    server.publish("on", { channel: "a" });
    await a.until(1);
    expect(a.gaps).toEqual([]);
  });

  test("whose next messages were evicted gets a gap that names the channel, then continues", async () => {
    const { server, client, collect } = await setUp(FAST);
    const a = collect(client, "a");
    await isOpen(client);
    server.streams[0]?.cut();
    server.publish("lost", { channel: "a" });
    server.evict();
    server.publish("kept", { channel: "a" });
    await a.until(1);
    expect(a.gaps).toEqual([{ channels: ["a"], reason: "evicted" }]);
    expect(a.data).toEqual(["kept"]);
  });

  test("of a server whose log has restarted gets a gap and continues in the new epoch", async () => {
    const { server, client, collect } = await setUp(FAST);
    const a = collect(client, "a");
    await isOpen(client);
    server.publish(1, { channel: "a" });
    await a.until(1);
    server.restart();
    server.streams[0]?.cut();
    await waitForStatus(client, "reconnecting");
    await isOpen(client);
    server.publish(2, { channel: "a" });
    await a.until(2);
    server.streams[0]?.cut();
    server.publish(3, { channel: "a" });
    await a.until(3);
    expect(a.data).toEqual([1, 2, 3]);
    expect(a.gaps).toEqual([{ channels: ["a"], reason: "restarted" }]);
  });

  test("that falls silent is detected by the watchdog within 2.5 heartbeats", async () => {
    const { server, client, collect } = await setUp(FAST);
    server.heartbeatMs = 400;
    const a = collect(client, "a");
    await isOpen(client);
    server.streams[0]?.stall();
    const stalled = performance.now();
    server.publish("unheard", { channel: "a" });
    await waitForStatus(client, "reconnecting");
    const elapsed = performance.now() - stalled;
    expect(client.getStatus().error?.code).toBe("STREAM_SILENT");
    expect(elapsed).toBeGreaterThan(400);
    // Room for a busy machine, but less than two more heartbeats.
    expect(elapsed).toBeLessThan(2.5 * 400 + 700);
    await a.until(1);
    expect(a.data).toEqual(["unheard"]);
  });

  test("stays open as long as heartbeats come", async () => {
    const { server, client, collect } = await setUp(FAST);
    // Long enough that a process that hangs for a moment misses at most one.
    server.heartbeatMs = 500;
    const statuses = watch(client);
    collect(client, "a");
    await isOpen(client);
    // Longer than the watchdog's time.
    await new Promise((resolve) => setTimeout(resolve, 3 * 500));
    expect(statuses).toEqual(["connecting", "open"]);
    expect(server.requests).toHaveLength(1);
  });

  test.each(["-1", "-1e300", "0", "1e-9", "1e300", "1e999", '"15000"', "null", "[]", "{}"])(
    "whose hello names %s as its heartbeat stays open",
    async (heartbeatMs) => {
      const { server, client, collect } = await setUp(FAST);
      const statuses = watch(client);
      let foreign: ServerResponse | undefined;
      server.answers.push((response) => {
        foreign = response.writeHead(200, { "Content-Type": "text/event-stream" });
        const hello = `{"channels":["a"],"heartbeatMs":${heartbeatMs}}`;
        response.write(`id: a-a-e0\nevent: hello\ndata: ${hello}\n\n`);
      });
      const a = collect(client, "a");
      await isOpen(client);
      foreign?.write("id: b-b-e0@a\ndata: 1\n\n");
      await a.until(1);
      expect(statuses).toEqual(["connecting", "open"]);
      expect(server.requests).toHaveLength(1);
    },
  );

  test("counts as lost after connectTimeoutMs, before the response as well as before hello", async () => {
    const { server, client, collect } = await setUp({ ...FAST, connectTimeoutMs: 60 });
    server.answers.push(
      () => {},
      (response) => response.writeHead(200, { "Content-Type": "text/event-stream" }).flushHeaders(),
    );
    collect(client, "a");
    await isOpen(client);
    // On a busy machine a good answer may take too long as well.
    expect(server.requests.length).toBeGreaterThanOrEqual(3);
  });

  test("of a stopped server is requested until the server runs again", async () => {
    const { server, client, collect } = await setUp(FAST);
    const a = collect(client, "a");
    await isOpen(client);
    server.publish(1, { channel: "a" });
    await a.until(1);
    server.stopListening();
    await waitForStatus(client, "reconnecting");
    server.publish(2, { channel: "a" });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(client.status).toBe("reconnecting");
    await server.listen();
    await a.until(2);
    expect(a.data).toEqual([1, 2]);
  });
});

describe("waiting", () => {
  test("is never shorter than the server's `retry`", async () => {
    const { server, client, collect } = await setUp(FAST);
    server.retryMs = 150;
    collect(client, "a");
    await isOpen(client);
    const cut = performance.now();
    server.streams[0]?.cut();
    await server.until((now) => now.requests.length === 2);
    expect(performance.now() - cut).toBeGreaterThanOrEqual(149);
  });

  test.each([
    ["seconds", () => "1"],
    ["a date", () => new Date(Date.now() + 2_000).toUTCString()],
  ])("is never shorter than a Retry-After in %s", async (_, value) => {
    const page = new EventTarget();
    const { server, client, collect } = await setUp(FAST, page);
    server.answers.push((response) =>
      response.writeHead(429, { "Retry-After": value() }).end("slow down"),
    );
    collect(client, "a");
    await waitForStatus(client, "reconnecting");
    const { error } = client.getStatus();
    expect(error).toMatchObject({ code: "STREAM_LOST", cause: { status: 429 } });
    page.dispatchEvent(new Event("online"));
    await isOpen(client);
    const [first, second] = server.requests;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(999);
  });

  test.each<[string, Answer]>([
    ["Retry-After in seconds", unavailableFor("3600")],
    ["Retry-After of 400 digits", unavailableFor("9".repeat(400))],
    ["Retry-After that is a date", unavailableFor("Wed, 21 Oct 2099 07:28:00 GMT")],
    ["`retry`", (response) => response.writeHead(200, TYPE).end(`retry: ${"9".repeat(18)}\n\n`)],
    ["`bye`", byeAfter("1e300")],
  ])("is at most five minutes, whatever the server asks for: a long %s", async (_, answer) => {
    const { server, client, collect } = await setUp(FAST);
    server.answers.push(answer);
    collect(client, "a");
    const { retryAt = NaN } = await waitForStatus(client, "reconnecting");
    const waitMs = retryAt - Date.now();
    expect(waitMs).toBeGreaterThan(295_000);
    expect(waitMs).toBeLessThanOrEqual(300_020);
  });

  test.each<[string, Answer]>([
    ["Retry-After", unavailableFor("soon")],
    ["Retry-After in the past", unavailableFor("Wed, 21 Oct 2015 07:28:00 GMT")],
    ["negative Retry-After", unavailableFor("-3600")],
    ["text in a `bye`", byeAfter('"soon"')],
    ["null in a `bye`", byeAfter("null")],
    ["negative number in a `bye`", byeAfter("-1")],
  ])("ignores an invalid value: %s", async (_, answer) => {
    const { server, client, collect } = await setUp(FAST);
    server.answers.push(answer);
    collect(client, "a");
    const { retryAt = NaN } = await waitForStatus(client, "reconnecting");
    expect(retryAt - Date.now()).toBeLessThanOrEqual(20);
    await isOpen(client);
  });

  test("for a server ends at once with reconnect(), and with setToken()", async () => {
    const { server, client, collect } = await setUp(FAST);
    server.answers.push(unavailableFor("60"), unavailableFor("60"));
    collect(client, "a");
    await waitForStatus(client, "reconnecting");
    client.reconnect();
    await server.until((now) => now.requests.length === 2);
    await vi.waitFor(() => expect(server.answers).toHaveLength(0), WAIT);
    await vi.waitFor(
      () => expect((client.getStatus().retryAt ?? 0) - Date.now()).toBeGreaterThan(59_000),
      WAIT,
    );
    client.setToken("another");
    await isOpen(client);
    expect(server.requests).toHaveLength(3);
  });

  test("grows with failures, with full jitter, and is reset by a heartbeat", async () => {
    const { server, client, collect } = await setUp({ backoff: { baseMs: 100, maxMs: 400 } });
    const widths: number[] = [];
    vi.spyOn(Math, "random").mockImplementation(() => 0.999);
    const unavailable = (): void =>
      void server.answers.push((response) => response.writeHead(503).end());
    for (let n = 0; n < 4; n++) unavailable();
    client.subscribeStatus(() => {
      const { status, retryAt } = client.getStatus();
      if (status === "reconnecting")
        widths.push(Math.ceil(((retryAt ?? 0) - Date.now()) / 100) * 100);
    });
    collect(client, "a");
    await isOpen(client);
    expect(widths).toEqual([100, 200, 400, 400]);
    server.streams[0]?.ping();
    await arrived(client, server);
    server.streams[0]?.cut();
    await waitForStatus(client, "reconnecting");
    expect(widths.at(-1)).toBe(100);
  });
});

describe("answers", () => {
  test.each(["", "null", "7", '"text"', "<h1>No</h1>"])("may have any body: %s", async (body) => {
    const { server, client, collect } = await setUp({ onError: () => {} });
    server.answers.push((response) =>
      response.writeHead(403, { "Content-Type": "text/html" }).end(body),
    );
    collect(client, "a");
    const { error } = await waitForStatus(client, "failed");
    expect(error?.cause).toMatchObject({ status: 403 });
    expect(error?.message).toBe("Answered 403: text/html");
  });

  test.each([204, 400, 404, 405, 406, 410])("%i is final", async (status) => {
    const errors: unknown[] = [];
    const { server, client, collect } = await setUp({ ...FAST, onError: (e) => errors.push(e) });
    server.answers.push((response) =>
      response
        .writeHead(status, { "Content-Type": "application/problem+json" })
        .end(status === 204 ? "" : JSON.stringify({ status, code: "NO", detail: "Not here." })),
    );
    collect(client, "a");
    await waitForStatus(client, "failed");
    expect(client.getStatus().error).toMatchObject({ code: "STREAM_REFUSED", cause: { status } });
    expect(errors).toHaveLength(1);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(server.requests).toHaveLength(1);
  });

  test("that are refusals have the server's reason", async () => {
    const { server, client, collect } = await setUp({ onError: () => {} });
    server.answers.push((response) =>
      response.writeHead(403).end(JSON.stringify({ code: "FORBIDDEN", detail: "Ask for access." })),
    );
    collect(client, "a");
    await waitForStatus(client, "failed");
    const { error } = client.getStatus();
    expect(error?.message).toBe("Answered 403: Ask for access.");
    expect(error?.cause).toMatchObject({ status: 403, code: "FORBIDDEN" });
  });

  test("200 of another type is final, and the error names the type", async () => {
    const { server, client, collect } = await setUp({ onError: () => {} });
    server.answers.push((response) =>
      response.writeHead(200, { "Content-Type": "text/html" }).end("<p>Sign in"),
    );
    collect(client, "a");
    await waitForStatus(client, "failed");
    expect(client.getStatus().error?.message).toBe("Answered 200: text/html");
  });

  test.each([408, 425, 429, 500, 502, 503, 504])("%i is retried", async (status) => {
    const { server, client, collect } = await setUp(FAST);
    server.answers.push((response) => response.writeHead(status).end());
    collect(client, "a");
    await isOpen(client);
    expect(server.requests).toHaveLength(2);
  });

  test.each<[string, Answer]>([
    ["404 of a proxy", (response) => response.writeHead(404, HTML).end("<h1>Not found")],
    ["a page of a proxy", (response) => response.writeHead(200, HTML).end("<h1>Back soon")],
    ["403", (response) => response.writeHead(403).end("{}")],
    ["404 of another vendor's problem", problem(404, "NO_ROUTE")],
    ["403 of another vendor's problem", problem(403, "toString")],
    ["404 of a hub whose path is routed elsewhere", problem(404, "NOT_FOUND")],
    ["a number as code", (res) => res.writeHead(403, PROBLEM_TYPE).end('{"code":7}')],
    ["401 of a gateway", (response) => response.writeHead(401, JSON_TYPE).end('{"code":"X"}')],
    ["204", (response) => response.writeHead(204).end()],
    ["302 to a page", (response) => response.writeHead(302, { Location: "/sign-in" }).end()],
  ])(
    "%s in place of a stream that was open is tried again, as in a deployment",
    async (_, answer) => {
      const errors: unknown[] = [];
      const { server, client, collect } = await setUp({ ...FAST, onError: (e) => errors.push(e) });
      const a = collect(client, "a");
      await isOpen(client);
      server.answers.push(answer);
      // The target of a redirect.
      if (_.startsWith("302 to a page"))
        server.answers.push((res) => res.writeHead(200, HTML).end("<p>"));
      const statuses = watch(client);
      server.streams[0]?.cut();
      server.publish(1, { channel: "a" });
      await a.until(1);
      expect(statuses).not.toContain("failed");
      expect(errors).toEqual([]);
      expect(a.gaps).toEqual([]);
    },
  );

  test("of a page that a redirect leads to are tried again, even if that is sse-bus", async () => {
    const { server, client, collect } = await setUp(FAST);
    const a = collect(client, "a");
    await isOpen(client);
    server.answers.push((response) => response.writeHead(302, { Location: "/login" }).end());
    server.answers.push(problem(401, "UNAUTHORIZED"));
    server.streams[0]?.cut();
    server.publish(1, { channel: "a" });
    await a.until(1);
    expect(server.requests).toHaveLength(4);
  });

  test.each([
    ["INVALID_CHANNEL", 400],
    ["INVALID_HOST", 400],
    ["PATTERN_TOO_DEEP", 400],
    ["TOO_MANY_CHANNELS", 400],
    ["UNDECLARED", 400],
    ["UNAUTHORIZED", 401],
    ["CROSS_SITE", 403],
    ["FORBIDDEN", 403],
    ["HOST_NOT_ALLOWED", 403],
  ])(
    "of a stream route with %s are final, also after the stream was open",
    async (code, status) => {
      const protocol = await readFile(new URL("../../../../PROTOCOL.md", import.meta.url), "utf8");
      expect(protocol).toMatch(new RegExp(`^\\| ${status} +\\|.*\`${code}\``, "m"));
      const body = JSON.stringify({ status, code });
      const response = new Response(body, { status, headers: PROBLEM_TYPE });
      expect(await readAnswer(response, true)).toMatchObject({ code: "STREAM_REFUSED" });
    },
  );

  test("that are refusals of sse-bus are final, also after the stream was open", async () => {
    const { server, client, collect } = await setUp({ ...FAST, onError: () => {} });
    collect(client, "a");
    await isOpen(client);
    server.answers.push(problem(401, "UNAUTHORIZED"));
    server.streams[0]?.cut();
    const { error } = await waitForStatus(client, "failed");
    expect(error).toMatchObject({ code: "STREAM_REFUSED", cause: { code: "UNAUTHORIZED" } });
    expect(server.requests).toHaveLength(2);
  });

  test("401 of another server calls `token` with `refused` each time", async () => {
    const asked: boolean[] = [];
    const { server, client, collect } = await setUp({
      ...FAST,
      token({ refused }) {
        asked.push(refused);
        return "t";
      },
    });
    const a = collect(client, "a");
    await isOpen(client);
    for (let n = 0; n < 3; n++) server.answers.push((res) => res.writeHead(401, HTML).end("<p>"));
    server.streams[0]?.cut();
    server.publish(1, { channel: "a" });
    await a.until(1);
    expect(asked).toEqual([false, false, true, true, true]);
  });

  test("are requested as an event stream or as problem details", async () => {
    const { server, client, collect } = await setUp();
    collect(client, "a");
    await isOpen(client);
    expect(server.requests[0]?.headers.accept).toBe("text/event-stream, application/problem+json");
  });

  test("after a final one, reconnect() tries again, and so does another subscription", async () => {
    const { server, client, collect } = await setUp({ ...FAST, onError: () => {} });
    const refuse = (): void =>
      void server.answers.push((response) => response.writeHead(404).end("{}"));
    refuse();
    refuse();
    collect(client, "a");
    await waitForStatus(client, "failed");
    client.reconnect();
    await waitForStatus(client, "connecting");
    await waitForStatus(client, "failed");
    collect(client, "b");
    await isOpen(client);
    expect(server.requests).toHaveLength(3);
  });
});

describe("a channel that is refused", () => {
  test("fails alone when it was added to a working connection", async () => {
    const errors: string[] = [];
    const { server, client, collect } = await setUp({
      ...FAST,
      onError: ({ code }) => errors.push(code),
    });
    const a = collect(client, "a");
    await isOpen(client);
    server.answers.push(problem(403, "FORBIDDEN"));
    const secret = collect(client, "secret");
    await vi.waitFor(() => expect(secret.statuses.at(-1)?.status).toBe("failed"), WAIT);
    expect(secret.statuses.at(-1)?.error?.code).toBe("STREAM_REFUSED");
    server.publish(1, { channel: "a" });
    await a.until(1);
    expect(client.status).toBe("open");
    expect(server.requests).toHaveLength(2);
    server.streams[0]?.cut();
    await server.until((now) => now.requests.length === 3);
    expect(server.requests[2]?.channels).toEqual(["a"]);
    expect(errors).toEqual(["STREAM_REFUSED"]);
  });

  test("fails alone when the server grants only the others", async () => {
    const { server, client, collect } = await setUp({ ...FAST, onError: () => {} });
    server.grant = (channel) => channel !== "secret";
    const secret = collect(client, "secret");
    const a = collect(client, "a");
    await vi.waitFor(() => expect(secret.statuses.at(-1)?.status).toBe("failed"), WAIT);
    server.publish(1, { channel: "a" });
    await a.until(1);
    server.streams[0]?.ping();
    await arrived(client, server);
    expect(server.requests).toHaveLength(1);
    server.grant = () => true;
    client.reconnect();
    await vi.waitFor(() => expect(secret.statuses.at(-1)?.status).toBe("open"), WAIT);
    server.publish(2, { channel: "secret" });
    await secret.until(1);
  });

  test("fails alone at the first connect, too, if the server names it", async () => {
    await using page = setUpRefusals();
    const a = page.collect("a");
    const secret = page.collect("secret");
    const b = page.collect("b/*");
    await vi.waitFor(() => expect(secret.status()).toBe("failed"), WAIT);
    expect(secret.now()?.error).toMatchObject({
      code: "STREAM_REFUSED",
      cause: { status: 403, code: "FORBIDDEN", channels: ["secret"] },
    });
    await isOpen(page.client);
    expect([a.status(), b.status()]).toEqual(["open", "open"]);
    await page.server.bus.publish(1, { channel: "a" });
    await page.server.bus.publish(2, { channel: "b/1" });
    await vi.waitFor(() => expect([...a.data, ...b.data]).toEqual([1, 2]), WAIT);
    expect(page.server.requests).toBe(2);
    expect(page.errors).toEqual(["STREAM_REFUSED"]);
  });

  test("fails alone when it was granted before the stream was lost, and the others lose nothing", async () => {
    await using page = setUpRefusals();
    page.refused.clear();
    const a = page.collect("a");
    const secret = page.collect("secret");
    await isOpen(page.client);
    page.refused.add("secret");
    page.server.cut();
    await page.server.bus.publish("missed", { channel: "a" });
    await vi.waitFor(() => expect(secret.status()).toBe("failed"), WAIT);
    await vi.waitFor(() => expect(a.data).toEqual(["missed"]), WAIT);
    expect(a.status()).toBe("open");
    expect(a.gaps).toEqual([]);
  });

  test("fails alone only after a fresh token was tried", async () => {
    const asked: boolean[] = [];
    await using page = setUpRefusals({
      token({ refused }) {
        asked.push(refused);
        return "t";
      },
    });
    const a = page.collect("a");
    const secret = page.collect("secret");
    await vi.waitFor(() => expect([a.status(), secret.status()]).toEqual(["open", "failed"]), WAIT);
    expect(asked).toEqual([false, true, false]);
  });

  test("fails with all others if the server names all of them, or none", async () => {
    const { server, client, collect } = await setUp({ ...FAST, onError: () => {} });
    const answer = (channels: unknown) => {
      server.answers.push((response) => response.writeHead(403).end(JSON.stringify({ channels })));
    };
    answer(["other"]);
    collect(client, "a");
    const b = collect(client, "b");
    await waitForStatus(client, "failed");
    for (const channels of [["a", "b"], [], null, undefined, 7, { a: 1 }]) {
      answer(channels);
      client.reconnect();
      expect(client.status).toBe("connecting");
      await waitForStatus(client, "failed");
    }
    expect(server.requests).toHaveLength(7);
    client.reconnect();
    await isOpen(client);
    expect(b.statuses.at(-1)?.status).toBe("open");
  });
});

describe("a set of channels that is too much for one stream", () => {
  test("is split over two: 120 channels", async () => {
    await using page = setUpRefusals();
    const names = Array.from({ length: 120 }, (_, n) => `c/${n}`);
    const all = names.map((name) => page.collect(name));
    await vi.waitFor(() => expect(all.every(({ status }) => status() === "open")).toBe(true), WAIT);
    expect(page.server.open).toBe(2);
    for (const name of names) await page.server.bus.publish(name, { channel: name });
    await vi.waitFor(
      () => expect(all.map(({ data }) => data)).toEqual(names.map((n) => [n])),
      WAIT,
    );
    expect(page.errors).toEqual([]);
    page.server.cut();
    for (const name of names) await page.server.bus.publish("again", { channel: name });
    await vi.waitFor(() => expect(all.every(({ data }) => data.length === 2)).toBe(true), WAIT);
    expect(all.flatMap(({ gaps }) => gaps)).toEqual([]);
  });

  test("is split over two: eleven overlapping patterns, each message once for each", async () => {
    await using page = setUpRefusals();
    const patterns = ["**", ...Array.from({ length: 10 }, (_, n) => `p/${n}/**`)];
    const all = patterns.map((pattern) => page.collect(pattern));
    const plain = page.collect("p/3/x");
    await vi.waitFor(
      () => expect([...all, plain].every(({ status }) => status() === "open")).toBe(true),
      WAIT,
    );
    expect(page.server.open).toBe(2);
    for (let n = 0; n < 10; n++) await page.server.bus.publish(n, { channel: `p/${n}/x` });
    await vi.waitFor(() => expect(all[0]?.data).toHaveLength(10), WAIT);
    await vi.waitFor(() => {
      for (let n = 0; n < 10; n++) expect(all[n + 1]?.data).toEqual([n]);
      expect(plain.data).toEqual([3]);
    }, WAIT);
    expect(page.errors).toEqual([]);
  });

  test("is split over several if the URL would be longer than the server accepts", async () => {
    const { server, client, collect } = await setUp(FAST);
    // Node's own limit: 16 KB for the head of a request, answered 431.
    const all = Array.from({ length: 90 }, (_, n) =>
      collect(client, `${String(n).padStart(2, "0")}/${"x".repeat(197)}`),
    );
    await vi.waitFor(
      () => expect(all.every(({ statuses }) => statuses.at(-1)?.status === "open")).toBe(true),
      WAIT,
    );
    expect(server.streams).toHaveLength(2);
  });

  test("is added to a live stream without a break, loss or duplicates", async () => {
    await using page = setUpRefusals();
    const first = Array.from({ length: 90 }, (_, n) => page.collect(`a/${n}`));
    await isOpen(page.client);
    const statuses = watch(page.client);
    const more = Array.from({ length: 30 }, (_, n) => page.collect(`b/${n}`));
    for (let n = 0; n < 20; n++) {
      await page.server.bus.publish(n, { channel: "a/1" });
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await vi.waitFor(
      () => expect(more.every(({ status }) => status() === "open")).toBe(true),
      WAIT,
    );
    await page.server.bus.publish("b", { channel: "b/29" });
    await vi.waitFor(() => expect(more[29]?.data).toEqual(["b"]), WAIT);
    await vi.waitFor(
      () => expect(first[1]?.data).toEqual(Array.from({ length: 20 }, (_, n) => n)),
      WAIT,
    );
    expect(statuses).toEqual([]);
  });

  test("is open while all streams are; a stream without subscriptions does not count", async () => {
    const { server, client, collect } = await setUp({ backoff: { baseMs: 60_000, maxMs: 60_000 } });
    server.answers.push(problem(400, "TOO_MANY_CHANNELS"));
    const [a, b] = [collect(client, "a"), collect(client, "b")];
    await server.until(2);
    await vi.waitFor(() => {
      for (const { statuses } of [a, b]) expect(statuses.at(-1)?.status).toBe("open");
    }, WAIT);
    server.streams.find(({ channels }) => channels.includes("b"))?.cut();
    await waitForStatus(client, "reconnecting");
    server.publish(1, { channel: "a" });
    await a.until(1);
    expect(client.status).toBe("reconnecting");
    b.end();
    await isOpen(client);
    expect(server.streams.map(({ channels }) => channels)).toEqual([["a"]]);
  });

  test("fails alone if all channels of one stream are refused", async () => {
    const errors: string[] = [];
    const { server, client, collect } = await setUp({
      ...FAST,
      onError: ({ code }) => errors.push(code),
    });
    server.answers.push(problem(400, "TOO_MANY_CHANNELS"));
    const [a, b] = [collect(client, "a"), collect(client, "b")];
    server.grant = (channel) => channel !== "b";
    await vi.waitFor(() => expect(b.statuses.at(-1)?.status).toBe("failed"), WAIT);
    server.publish(1, { channel: "a" });
    await a.until(1);
    expect(client.status).toBe("open");
    expect(errors).toEqual(["STREAM_REFUSED"]);
  });

  test("is refused if one channel alone is too much", async () => {
    const { server, client, collect } = await setUp({ ...FAST, onError: () => {} });
    for (let n = 0; n < 3; n++) server.answers.push(problem(400, "TOO_MANY_CHANNELS"));
    collect(client, "a");
    collect(client, "b");
    await waitForStatus(client, "failed");
    expect(server.requests).toHaveLength(3);
  });
});

describe("an invalid channel", () => {
  test.each(["a*b", "**/a", "a/***", "a b", "", "x".repeat(201), "ada@example.com", "a/*b/c"])(
    "that no server accepts throws, and nothing else is affected: %s",
    async (bad) => {
      const { server, client, collect } = await setUp();
      const good = collect(client, "a/*");
      expect(() => client.subscribe(bad, () => {})).toThrow(
        expect.objectContaining({ code: "INVALID_CHANNEL" }),
      );
      await isOpen(client);
      server.publish(1, { channel: "a/1" });
      await good.until(1);
      expect(server.requests[0]?.channels).toEqual(["a/*"]);
    },
  );

  test("that the server names in a 400 fails alone", async () => {
    const { server, client, collect } = await setUp({ ...FAST, onError: () => {} });
    server.answers.push(problem(400, "PATTERN_TOO_DEEP", { channels: ["deep/**"] }));
    const [a, deep] = [collect(client, "a"), collect(client, "deep/**")];
    await isOpen(client);
    expect(deep.statuses.at(-1)).toMatchObject({
      status: "failed",
      error: { cause: { code: "PATTERN_TOO_DEEP" } },
    });
    server.publish(1, { channel: "a" });
    await a.until(1);
  });
});

describe("credentials", () => {
  test("in headers whose names differ only in case are one header", async () => {
    const { server, client, collect } = await setUp({
      token: "mine",
      headers: { authorization: "Basic x", accept: "*/*", "last-event-id": "seed" },
    });
    const cursor = server.head();
    collect(client, "a", { cursor });
    await isOpen(client);
    const { headers } = server.requests[0] as StreamRequest;
    expect(headers.authorization).toBe("Bearer mine");
    expect(headers.accept).toBe("*/*");
    expect(headers["last-event-id"]).toBe(cursor);
  });

  test("are sent with every request, from functions that are called each time", async () => {
    let asked = 0;
    const { server, client, collect } = await setUp({
      ...FAST,
      token: () => `t${++asked}`,
      headers: async () => ({ "X-Asked": String(asked) }),
    });
    collect(client, "a");
    await isOpen(client);
    server.streams[0]?.cut();
    await server.until((now) => now.requests.length === 2);
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([
      "Bearer t1",
      "Bearer t2",
    ]);
    expect(server.requests[1]?.headers["x-asked"]).toBe("1");
  });

  test("that expire are refreshed once, and the stream resumes from its cursor", async () => {
    const asked: boolean[] = [];
    const { server, client, collect } = await setUp({
      ...FAST,
      token({ refused }) {
        asked.push(refused);
        return refused ? "fresh" : "stale";
      },
    });
    const a = collect(client, "a");
    await isOpen(client);
    server.publish(1, { channel: "a" });
    await a.until(1);
    server.answers.push((response) => response.writeHead(401).end("{}"));
    server.streams[0]?.cut();
    server.publish(2, { channel: "a" });
    await a.until(2);
    expect(asked).toEqual([false, false, true]);
    expect(server.requests.at(-1)?.headers.authorization).toBe("Bearer fresh");
    expect(a.data).toEqual([1, 2]);
    expect(a.gaps).toEqual([]);
  });

  test("that stay refused after one refresh are final", async () => {
    const asked: boolean[] = [];
    const { server, client, collect } = await setUp({
      onError: () => {},
      token({ refused }) {
        asked.push(refused);
        return "bad";
      },
    });
    for (let n = 0; n < 3; n++)
      server.answers.push((response) => response.writeHead(401).end("{}"));
    collect(client, "a");
    await waitForStatus(client, "failed");
    expect(asked).toEqual([false, true]);
  });

  test("that are refused are final immediately if `token` is no function", async () => {
    const { server, client, collect } = await setUp({ token: "bad", onError: () => {} });
    server.answers.push((response) => response.writeHead(403).end("{}"));
    collect(client, "a");
    await waitForStatus(client, "failed");
    expect(server.requests).toHaveLength(1);
  });

  test("are refreshed when the server ends the stream as unauthorized", async () => {
    const asked: boolean[] = [];
    const { server, client, collect } = await setUp({
      ...FAST,
      token({ refused }) {
        asked.push(refused);
        return "t";
      },
    });
    collect(client, "a");
    await isOpen(client);
    server.streams[0]?.bye("unauthorized", 0);
    server.streams[0]?.end();
    await server.until((now) => now.requests.length === 2);
    expect(asked).toEqual([false, true]);
  });

  test("that are set again open a new connection before the old one is closed", async () => {
    const { server, client, collect } = await setUp({ token: "one" });
    const statuses = watch(client);
    const a = collect(client, "a");
    await isOpen(client);
    client.setToken("two");
    server.publish(1, { channel: "a" });
    await server.until((now) => now.requests.length === 2 && now.streams.length === 1);
    server.publish(2, { channel: "a" });
    await a.until(2);
    expect(a.data).toEqual([1, 2]);
    expect(server.requests[1]?.headers.authorization).toBe("Bearer two");
    expect(server.mostStreams).toBe(2);
    expect(statuses).toEqual(["connecting", "open"]);
  });

  test("whose function throws are requested again, with backoff", async () => {
    let asked = 0;
    const { client, collect } = await setUp({
      ...FAST,
      async token() {
        if (++asked < 3) throw new Error("no network");
        return "t";
      },
    });
    collect(client, "a");
    await waitForStatus(client, "reconnecting");
    expect(client.getStatus().error?.message).toContain("no network");
    await isOpen(client);
    expect(asked).toBe(3);
  });
});

describe("a `bye`", () => {
  test("at the end of a stream's lifetime opens a new one before the old one is closed", async () => {
    const { server, client, collect } = await setUp();
    const statuses = watch(client);
    const a = collect(client, "a");
    await isOpen(client);
    server.streams[0]?.bye("lifetime", 0);
    server.publish("still on the old one", { channel: "a" });
    await server.until((now) => now.requests.length === 2 && now.streams.length === 1);
    server.publish("on the new one", { channel: "a" });
    await a.until(2);
    expect(a.data).toEqual(["still on the old one", "on the new one"]);
    expect(server.mostStreams).toBe(2);
    expect(statuses).toEqual(["connecting", "open"]);
  });

  test("of a draining server is obeyed: the client waits as long as it asks", async () => {
    const page = new EventTarget();
    const { server, client, collect } = await setUp(FAST, page);
    const a = collect(client, "a");
    await isOpen(client);
    server.streams[0]?.bye("drain", 120);
    server.streams[0]?.end();
    const told = performance.now();
    await waitForStatus(client, "reconnecting");
    page.dispatchEvent(new Event("online"));
    server.publish(1, { channel: "a" });
    await server.until((now) => now.requests.length === 2);
    expect(performance.now() - told).toBeGreaterThanOrEqual(119);
    await a.until(1);
  });

  test("with a `retry:` for EventSource does not delay the client, nor does a 502 after it", async () => {
    const { server, client, collect } = await setUp(FAST);
    const a = collect(client, "a");
    await isOpen(client);
    server.answers.push((response) => response.writeHead(502).end());
    server.streams[0]?.write('retry: 60000\nevent: bye\ndata: {"reason":"drain","retryMs":1}\n\n');
    server.streams[0]?.end();
    const told = performance.now();
    await server.until((now) => now.requests.length === 3 && now.streams.length === 1);
    expect(performance.now() - told).toBeLessThan(5000);
    server.publish(1, { channel: "a" });
    await a.until(1);
  });
});

describe("a `bye` for a temporary reason", () => {
  test.each(["limit", "unavailable", "drain"])(
    "%s, in place of a stream, is obeyed, and the error has its reason",
    async (reason) => {
      const page = new EventTarget();
      const { server, client, collect } = await setUp(FAST, page);
      server.answers.push((response) =>
        response
          .writeHead(200, { "Content-Type": "text/event-stream" })
          .end(`retry: 5\nevent: bye\ndata: {"reason":"${reason}","retryMs":120}\n\n`),
      );
      const a = collect(client, "a");
      const { error } = await waitForStatus(client, "reconnecting");
      expect(error).toMatchObject({ code: "STREAM_LOST", message: `Bye: ${reason}` });
      page.dispatchEvent(new Event("online"));
      await isOpen(client);
      const [first, second] = server.requests;
      expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(119);
      server.publish(1, { channel: "a" });
      await a.until(1);
    },
  );

  test.each(["limit", "unavailable"])(
    "%s, of a stream that was open, is obeyed too",
    async (reason) => {
      const { server, client, collect } = await setUp(FAST);
      const a = collect(client, "a");
      await isOpen(client);
      server.streams[0]?.bye(reason, 60);
      server.streams[0]?.end();
      server.publish(1, { channel: "a" });
      await a.until(1);
      expect(a.gaps).toEqual([]);
    },
  );
});

describe("a stream that is revoked", () => {
  test("resumes from its cursor with a fresh token", async () => {
    const asked: boolean[] = [];
    const { server, client, collect } = await setUp({
      ...FAST,
      token({ refused }) {
        asked.push(refused);
        return "t";
      },
    });
    const a = collect(client, "a");
    await isOpen(client);
    server.streams[0]?.bye("revoked", 0);
    server.streams[0]?.end();
    server.publish(1, { channel: "a" });
    await a.until(1);
    expect(asked).toEqual([false, true]);
  });

  test("delivers nothing after the bye, and is failed if the fresh token is refused", async () => {
    const asked: boolean[] = [];
    const { server, client, collect } = await setUp({
      ...FAST,
      onError: () => {},
      token({ refused }) {
        asked.push(refused);
        return "t";
      },
    });
    const a = collect(client, "a");
    await isOpen(client);
    server.answers.push(problem(403, "FORBIDDEN"));
    server.streams[0]?.bye("revoked", 0);
    server.publish("secret", { channel: "a" });
    await waitForStatus(client, "failed");
    await server.until(0);
    expect(a.data).toEqual([]);
    expect(asked).toEqual([false, true]);
    expect(server.requests).toHaveLength(2);
  });

  test("also ends a next stream that was requested with the same token", async () => {
    const asked: boolean[] = [];
    const { server, client, collect } = await setUp({
      ...FAST,
      onError: () => {},
      token({ refused }) {
        asked.push(refused);
        return "t";
      },
    });
    const a = collect(client, "a");
    await isOpen(client);
    server.delayMs = 60;
    collect(client, "b");
    await server.until((now) => now.requests.length === 2);
    server.answers.push(problem(403, "FORBIDDEN"));
    server.streams[0]?.bye("revoked", 0);
    server.publish("secret", { channel: "a" });
    await waitForStatus(client, "failed");
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(a.data).toEqual([]);
    expect(asked).toEqual([false, false, true]);
    expect(client.status).toBe("failed");
    expect(server.streams).toHaveLength(0);
  });

  test.each(["SIGNED_OUT", "TOO_MANY_CHANNELS"])(
    "reports the code of the application before the fresh token is used: %s",
    async (code) => {
      const { server, client, collect } = await setUp({ ...FAST, token: () => "t" });
      const a = collect(client, "a");
      const b = collect(client, "b");
      await isOpen(client);
      server.streams[0]?.bye("revoked", 30, code);
      const { error } = await waitForStatus(client, "reconnecting");
      expect(error).toMatchObject({ code: "STREAM_LOST", cause: { reason: "revoked", code } });
      await isOpen(client);
      server.publish(1, { channel: "a" });
      server.publish(2, { channel: "b" });
      await Promise.all([a.until(1), b.until(1)]);
      expect(server.requests).toHaveLength(2);
    },
  );

  test("is failed with the code of bus.disconnect, which onError gets too", async () => {
    await using server = createTestBus();
    const errors: SseClientError[] = [];
    const onError = (error: SseClientError): void => void errors.push(error);
    using client = createSseClient({ url: server.url, fetch: server.fetch, onError });
    const own: SseConnection[] = [];
    client.subscribe("a", () => {}, { onStatus: (now) => own.push(now) });
    await isOpen(client);
    await server.bus.disconnect({ channel: "a" }, { code: "SIGNED_OUT" });
    const { error } = await waitForStatus(client, "failed");
    expect(error).toMatchObject({
      code: "STREAM_REFUSED",
      cause: { reason: "revoked", code: "SIGNED_OUT" },
    });
    expect(own.at(-1)?.error).toEqual(error);
    expect(errors).toEqual([error]);
  });

  test("is failed if `token` is no function, until reconnect()", async () => {
    const { server, client, collect } = await setUp({ ...FAST, onError: () => {} });
    const a = collect(client, "a");
    await isOpen(client);
    server.streams[0]?.bye("revoked", 0, "SIGNED_OUT");
    server.streams[0]?.end();
    const { error } = await waitForStatus(client, "failed");
    expect(error?.code).toBe("STREAM_REFUSED");
    expect(error?.message).toContain("call `reconnect()`");
    expect(error?.cause).toMatchObject({ reason: "revoked", code: "SIGNED_OUT" });
    server.publish(1, { channel: "a" });
    client.reconnect();
    await a.until(1);
    expect(server.requests).toHaveLength(2);
  });
});

describe("a request to another origin that gets no answer", () => {
  const host = { location: new URL("http://app.test/") };

  test("gives an error with the headers that the server must allow, once to onError", async () => {
    const errors: string[] = [];
    await using server = await startStreamServer();
    let isRefused = true;
    const client = createClient(
      {
        url: server.url,
        ...FAST,
        token: "t",
        headers: { "X-Tenant": "7" },
        onError: ({ code }) => errors.push(code),
        // As browsers do where the preflight is refused.
        fetch: async (...args) =>
          isRefused ? Promise.reject(new TypeError("Failed to fetch")) : fetch(...args),
      },
      host,
    );
    onTestFinished(() => client.close());
    client.subscribe("a", () => {});
    const { error } = await waitForStatus(client, "reconnecting");
    expect(error?.code).toBe("CROSS_ORIGIN_FAILED");
    expect(error?.message).toContain(new URL(server.url).origin);
    expect(error?.message).toContain("http://app.test");
    expect(error?.message).toContain("authorization, x-tenant");
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(errors).toEqual(["CROSS_ORIGIN_FAILED"]);
    isRefused = false;
    await isOpen(client);
    isRefused = true;
    server.streams[0]?.cut();
    expect((await waitForStatus(client, "reconnecting")).error?.code).toBe("STREAM_LOST");
  });

  test("counts as any other loss if the page is of the same origin, or there was an answer", async () => {
    await using server = await startStreamServer();
    for (const [href, answers] of [[server.url], ["http://app.test/", 1]] as const) {
      server.answers.push((response) =>
        answers ? void response.writeHead(200, TYPE).end() : void response.destroy(),
      );
      const backoff = { baseMs: 60_000, maxMs: 60_000 };
      const client = createClient({ url: server.url, backoff }, { location: new URL(href) });
      onTestFinished(() => client.close());
      client.subscribe("a", () => {});
      expect((await waitForStatus(client, "reconnecting")).error?.code).toBe("STREAM_LOST");
    }
  });
});

describe("a client", () => {
  test("that is closed stays closed, and has nothing open", async () => {
    const { server, client, collect } = await setUp();
    const a = collect(client, "a");
    collect(client, "b", { cursor: "earliest" });
    await server.until(2);
    client.close();
    client.close();
    await server.until(0);
    expect(client.status).toBe("closed");
    const late = collect(client, "a");
    client.reconnect();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(late.statuses.at(-1)?.status).toBe("closed");
    expect(a.end()).toBeTypeOf("string");
    expect(server.streams).toHaveLength(0);
  });

  test("reports each change of its status once, with one object between changes", async () => {
    const { server, client, collect } = await setUp(FAST);
    const seen: SseConnection[] = [];
    const unwatch = client.subscribeStatus(() => {
      seen.push(client.getStatus());
      expect(client.getStatus()).toBe(client.getStatus());
    });
    collect(client, "a");
    await isOpen(client);
    collect(client, "a");
    await nextStatus(client, "a", "open");
    expect(seen.map(({ status }) => status)).toEqual(["connecting", "open"]);
    unwatch();
    server.streams[0]?.cut();
    await waitForStatus(client, "reconnecting");
    expect(seen).toHaveLength(2);
  });

  test("with a relative URL and no page throws an error that explains it", () => {
    const client = createSseClient({ url: "/api/sse" });
    expect(() => client.subscribe("a", () => {})).toThrow("Invalid URL");
    expect(client.status).toBe("idle");
  });

  test("keeps the query of its URL", async () => {
    const { server, collect } = await setUp();
    const client = createSseClient({ url: `${server.url}?tenant=7` });
    onTestFinished(() => client.close());
    const paths: (string | undefined)[] = [];
    server.answers.push((response, request) => {
      paths.push(request.url);
      response.writeHead(503).end();
    });
    collect(client, "orders/*");
    await vi.waitFor(() => expect(paths).toEqual(["/api/sse?tenant=7&channel=orders%2F*"]), WAIT);
  });
});

interface Collected {
  readonly data: unknown[];
  readonly gaps: unknown[];
  readonly statuses: SseConnection[];
  until(count: number): Promise<void>;
  end(): string;
}

async function setUp(options: SseClientOptions = {}, page?: EventTarget) {
  const server = await startStreamServer();
  const all = { url: server.url, ...options };
  const client: SseClient = page ? createClient(all, page) : createSseClient(all);
  onTestFinished(async () => {
    client.close();
    await server[Symbol.asyncDispose]();
  });
  const collect = (
    on: SseClient,
    channel: string,
    how: { cursor?: string; event?: string } = {},
  ): Collected => {
    const [data, gaps, statuses]: [unknown[], unknown[], SseConnection[]] = [[], [], []];
    const end = on.subscribe(channel, (value: unknown) => data.push(value), {
      ...how,
      onGap: (gap) => gaps.push(gap),
      onStatus: (status) => statuses.push(status),
    });
    const until = (count: number) =>
      vi.waitFor(() => expect(data.length).toBeGreaterThanOrEqual(count), WAIT);
    return { data, gaps, statuses, until, end };
  };
  return { server, client, collect };
}

/** The real route, with channels that it refuses, and a client of it. */
function setUpRefusals(options: SseClientOptions = {}) {
  const refused = new Set(["secret"]);
  const server = createTestBus({
    authorize: ({ channels }) => !channels.some((channel) => refused.has(channel)),
  });
  const errors: string[] = [];
  const { url, fetch } = server;
  const onError = ({ code }: { code: string }) => errors.push(code);
  const client = createSseClient({ url, fetch, ...FAST, onError, ...options });
  const collect = (channel: string) => {
    const [data, gaps]: [unknown[], unknown[]] = [[], []];
    let connection: SseConnection | undefined;
    client.subscribe(channel, (value) => data.push(value), {
      onGap: (gap) => gaps.push(gap),
      onStatus: (now) => (connection = now),
    });
    return { data, gaps, now: () => connection, status: () => connection?.status };
  };
  return {
    server,
    client,
    refused,
    errors,
    collect,
    async [Symbol.asyncDispose]() {
      client.close();
      await server.close();
    },
  };
}

const WAIT = { timeout: 5_000, interval: 2 };
const TYPE = { "Content-Type": "text/event-stream" };
const HTML = { "Content-Type": "text/html" };
const PROBLEM_TYPE = { "Content-Type": "application/problem+json" };
const JSON_TYPE = { "Content-Type": "application/json" };

function unavailableFor(retryAfter: string): Answer {
  return (response) => response.writeHead(503, { "Retry-After": retryAfter }).end();
}

function byeAfter(retryMs: string): Answer {
  const bye = `event: bye\ndata: {"reason":"limit","retryMs":${retryMs}}\n\n`;
  return (response) => response.writeHead(200, TYPE).end(bye);
}

/** A refusal of our own server. */
function problem(status: number, code: string, more: object = {}): Answer {
  return (response) =>
    response.writeHead(status, PROBLEM_TYPE).end(JSON.stringify({ status, code, ...more }));
}

function isOpen(client: SseClient): Promise<SseConnection> {
  return waitForStatus(client, "open");
}

/** Resolves when a subscription of its own has the status. */
async function nextStatus(client: SseClient, channel: string, status: string): Promise<void> {
  const { promise, resolve } = deferred();
  const end = client.subscribe(channel, () => {}, {
    onStatus: (now) => now.status === status && resolve(),
  });
  await promise;
  end();
}

/** Resolves when the client has read all that the server has sent until now. */
async function arrived(client: SseClient, server: StreamServer): Promise<void> {
  const { promise, resolve } = deferred();
  const channel = server.streams[0]?.channels[0] ?? "default";
  const end = client.subscribe(channel, resolve, { event: "marker" });
  await nextStatus(client, channel, "open");
  server.publish(0, { channel, event: "marker" });
  await promise;
  end();
}

function watch(client: SseClient): string[] {
  const statuses: string[] = [];
  client.subscribeStatus(() => statuses.push(client.status));
  return statuses;
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
