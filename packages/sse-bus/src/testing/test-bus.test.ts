import { describe, expect, expectTypeOf, test, vi } from "vitest";
import { createSseClient } from "../client/client.ts";
import { createBus } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import { readEvents } from "./read-events.ts";
import { createTestBus } from "./test-bus.ts";
import { waitForStatus } from "./wait-for-status.ts";

/** Long enough for a busy machine. */
const WAIT = { timeout: 10_000 };

const QUIET = { backoff: { baseMs: 0 }, onError: () => {} };

describe("a test bus", () => {
  test("is a real bus: a client receives messages, resumes, and gets a gap", async () => {
    await using bus = createBus({ history: { maxMessages: 2 } });
    await using server = createTestBus({ bus });
    using client = createSseClient({ url: server.url, fetch: server.fetch, ...QUIET });
    const heard: unknown[] = [];
    client.subscribe("orders/42", (data) => heard.push(data), {
      onGap: ({ reason }) => heard.push(reason),
    });
    await waitForStatus(client, "open");
    await bus.publish(1, { channel: "orders/42" });
    await vi.waitFor(() => expect(heard).toEqual([1]), WAIT);
    server.cut();
    expect(server.open).toBe(0);
    await bus.publish(2, { channel: "orders/42" });
    await vi.waitFor(() => expect(heard).toEqual([1, 2]), WAIT);
    server.cut();
    for (const n of [3, 4, 5]) await bus.publish(n, { channel: "orders/42" });
    await vi.waitFor(() => expect(heard).toEqual([1, 2, "evicted", 4, 5]), WAIT);
    expect(server.requests).toBe(3);
  });

  test("ends streams as a server does, and the client resumes without loss", async () => {
    await using server = createTestBus();
    using client = createSseClient({ url: server.url, fetch: server.fetch, ...QUIET });
    const heard: unknown[] = [];
    client.subscribe("default", (data) => heard.push(data));
    await waitForStatus(client, "open");
    server.end("drain");
    await vi.waitFor(() => expect(server.requests).toBe(2), WAIT);
    await server.bus.publish("after");
    await vi.waitFor(() => expect(heard).toEqual(["after"]), WAIT);
    expect(server.open).toBe(1);
  });

  test("calls authorize with the request's headers", async () => {
    await using server = createTestBus({
      authorize: ({ request }) => request.headers.get("authorization") === "Bearer good",
    });
    using good = createSseClient({ ...server, ...QUIET, token: "good" });
    using bad = createSseClient({ ...server, ...QUIET, token: "bad" });
    good.subscribe("default", () => {});
    bad.subscribe("default", () => {});
    await waitForStatus(good, "open");
    expect((await waitForStatus(bad, "failed")).error?.code).toBe("STREAM_REFUSED");
  });

  test("closes its own bus, but not one that it was given", async () => {
    await using bus = createBus();
    const given = createTestBus({ bus });
    const reader = await readEvents(given.url, { fetch: given.fetch });
    await reader.next("hello");
    await given.close();
    await expect(reader.next()).rejects.toThrow("The connection was lost");
    expect(bus.stats().connections).toBe(0);
    await bus.publish("still there");

    const own = createTestBus();
    await own.close();
    await own.close();
    await expect(own.bus.publish("x")).rejects.toMatchObject({ code: "BUS_CLOSED" });
  });

  test("leaves nothing open at the server when the reader disconnects", async () => {
    await using server = createTestBus();
    const controller = new AbortController();
    const left = await server.fetch(server.url, { signal: controller.signal });
    const cancelled = await server.fetch(server.url);
    expect(server.bus.stats().connections).toBe(2);
    controller.abort();
    await cancelled.body?.cancel();
    expect(server.open).toBe(0);
    expect(server.bus.stats().connections).toBe(0);
    await expect(left.text()).rejects.toThrow("abort");
    await expect(server.fetch(server.url, { signal: controller.signal })).rejects.toThrow("abort");
  });

  test("has the types of the given bus", async () => {
    type Channels = { "orders/*": { message: { total: number } } };
    await using bus = createBus<Channels>();
    await using server = createTestBus({ bus });
    expectTypeOf(server.bus).toEqualTypeOf<Bus<Channels>>();
    await using own = createTestBus();
    expectTypeOf(own.bus).toEqualTypeOf<Bus>();
    expect(server.bus).toBe(bus);
  });
});

describe("waitForStatus", () => {
  test("resolves when the client is connected, immediately if it already is", async () => {
    await using server = createTestBus();
    using client = createSseClient({ ...server, ...QUIET });
    expect(await waitForStatus(client, "idle")).toEqual({ status: "idle" });
    client.subscribe("default", () => {});
    expect(await waitForStatus(client, "open")).toMatchObject({ status: "open" });
  });

  test("reports the client's status and error if it does not connect in time", async () => {
    await using server = createTestBus({ authorize: () => false });
    using client = createSseClient({ ...server, ...QUIET });
    client.subscribe("default", () => {});
    await waitForStatus(client, "failed");
    await expect(waitForStatus(client, "open", { timeoutMs: 50 })).rejects.toThrow(
      /Waited for "open"; the client is "failed" \(STREAM_REFUSED: Answered 403: .*\) after 50 ms/,
    );
  });

  test("rejects immediately if the client is closed", async () => {
    await using server = createTestBus();
    const client = createSseClient({ ...server, ...QUIET });
    client.subscribe("default", () => {});
    const waiting = waitForStatus(client, "failed");
    client.close();
    await expect(waiting).rejects.toThrow('the client is "closed"');
  });
});
