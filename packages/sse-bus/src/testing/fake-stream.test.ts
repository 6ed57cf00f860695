import { afterEach, describe, expect, test, vi } from "vitest";
import { createSseClient } from "../client/client.ts";
import type { SseClientOptions } from "../client/client-types.ts";
import { SseEventSource } from "../client/event-source.ts";
import { createFakeStream } from "./fake-stream.ts";
import { waitForStatus } from "./wait-for-status.ts";

const FAST = { backoff: { baseMs: 0 }, onError: () => {} };

afterEach(() => vi.useRealTimers());

/** Long enough for a busy machine. */
const WAIT = { timeout: 10_000 };

function setUp(options: SseClientOptions = {}, timeoutMs = 5_000) {
  const stream = createFakeStream({ timeoutMs });
  const client = createSseClient({ url: stream.url, fetch: stream.fetch, ...FAST, ...options });
  const heard: unknown[] = [];
  return {
    stream,
    client,
    heard,
    subscribe: (channel: string) =>
      client.subscribe(channel, (data) => heard.push(data), {
        onGap: (gap) => heard.push(gap),
      }),
    [Symbol.dispose]() {
      client.close();
      stream.close();
    },
  };
}

describe("a fake stream", () => {
  test("sends hello to a request, and exposes what it requested", async () => {
    using page = setUp({ token: "t0ken" });
    page.subscribe("orders/42");
    const request = await page.stream.hello();
    expect(page.client.status).toBe("open");
    expect(request.channels).toEqual(["orders/42"]);
    expect(request.from).toBeUndefined();
    expect(request.headers.get("authorization")).toBe("Bearer t0ken");
    expect(page.stream.requests).toEqual([request]);
    expect(page.stream.open).toBe(1);
  });

  test("sends raw data as a server does, to both kinds of client", async () => {
    using page = setUp();
    page.subscribe("rows");
    await page.stream.hello();
    const source = new SseEventSource(`${page.stream.url}?channel=rows`, {
      fetch: page.stream.fetch,
    });
    source.addEventListener("message", ({ data, lastEventId }) =>
      page.heard.push(data, lastEventId),
    );
    await page.stream.hello();
    const id = await page.stream.message("<li>\n</li>", { channel: "rows", raw: true });
    expect(id).toMatch(/@rows@raw$/);
    expect(page.heard).toHaveLength(3);
    expect(page.heard).toEqual(expect.arrayContaining(["<li>\n</li>", id]));
    await expect(page.stream.message("\r", { channel: "rows", raw: true })).rejects.toThrow("CR");
    source.close();
  });

  test("resolves `send` after the subscribers have been called", async () => {
    using page = setUp();
    page.subscribe("orders/*");
    await page.stream.hello();
    await page.stream.message({ total: 1 }, { channel: "orders/1" });
    expect(page.heard).toEqual([{ total: 1 }]);
    const id = await page.stream.message({ total: 2 }, { channel: "orders/2", event: "paid" });
    expect(page.heard).toEqual([{ total: 1 }, { total: 2 }]);
    expect(id).toMatch(/@orders\/2$/);
    await page.stream.gap({ count: 3 });
    expect(page.heard.at(-1)).toEqual({ channels: ["orders/*"], reason: "evicted", count: 3 });
  });

  test("that is cut is requested again from the last message", async () => {
    using page = setUp();
    page.subscribe("default");
    await page.stream.hello();
    const id = await page.stream.message("last");
    page.stream.cut();
    await waitForStatus(page.client, "reconnecting");
    expect(page.stream.open).toBe(0);
    expect((await page.stream.hello()).from).toBe(id);
    await page.stream.message("next");
    expect(page.heard).toEqual(["last", "next"]);
  });

  test.each(["bye", "end"] as const)("that ends by %s is requested again", async (way) => {
    using page = setUp();
    page.subscribe("default");
    await page.stream.hello();
    await page.stream[way]();
    await page.stream.hello();
    expect(page.client.status).toBe("open");
    expect(page.stream.open).toBe(1);
  });

  test("refuses with a problem, and a 503 is requested again", async () => {
    using page = setUp();
    page.subscribe("default");
    await page.stream.refuse(503, { headers: { "Retry-After": "0" } });
    await page.stream.fail();
    await page.stream.refuse(403, { code: "FORBIDDEN", detail: "Not yours." });
    const { error } = await waitForStatus(page.client, "failed");
    expect(error).toMatchObject({
      code: "STREAM_REFUSED",
      message: expect.stringContaining("Not yours."),
      cause: { code: "FORBIDDEN", status: 403 },
    });
    expect(page.stream.requests).toHaveLength(3);
  });

  test("is silent if nothing is sent, and fake timers drive the watchdog", async () => {
    vi.useFakeTimers();
    using page = setUp();
    page.subscribe("default");
    await vi.advanceTimersByTimeAsync(0);
    await page.stream.hello({ heartbeatMs: 1_000 });
    await vi.advanceTimersByTimeAsync(2_000);
    await page.stream.ping();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(page.client.status).toBe("open");
    await vi.advanceTimersByTimeAsync(600);
    expect(page.client.status).toBe("reconnecting");
  });

  test("throws if no stream is open, if none carries the channel, and if no request arrives", async () => {
    using unasked = setUp({}, 100);
    await expect(unasked.stream.message("x")).rejects.toThrow("none is open");
    await expect(unasked.stream.hello()).rejects.toThrow("No request came within 100 ms");
    using page = setUp();
    page.subscribe("a");
    await page.stream.hello();
    await expect(page.stream.message("x", { channel: "b" })).rejects.toThrow(
      'No stream carries "b"; open are a',
    );
  });

  test("rejects data that a bus rejects", async () => {
    using page = setUp();
    page.subscribe("default");
    await page.stream.hello();
    await expect(page.stream.message({ at: new Map() })).rejects.toThrow("data.at");
  });

  test("sends nothing to a replaced stream, and no hello to a cancelled request", async () => {
    // Long enough for a request to arrive, and the wait for one that does not.
    using page = setUp({}, 1_000);
    page.subscribe("a");
    await page.stream.hello();
    page.subscribe("b");
    const next = await page.stream.hello();
    expect(next.channels).toEqual(["a", "b"]);
    await vi.waitFor(() => expect(page.stream.open).toBe(1), WAIT);
    await page.stream.message("once", { channel: "a" });
    expect(page.heard).toEqual(["once"]);
    page.client.reconnect();
    await vi.waitFor(() => expect(page.stream.requests).toHaveLength(3), WAIT);
    page.client.close();
    await expect(page.stream.hello()).rejects.toThrow("No request came");
    expect(page.stream.open).toBe(0);
  });

  test("drives an SseEventSource, and sends it any text", async () => {
    using stream = createFakeStream();
    const source = new SseEventSource(stream.url, { fetch: stream.fetch });
    const heard: string[] = [];
    source.addEventListener("message", ({ data, lastEventId }) =>
      heard.push(`${lastEventId} ${data}`),
    );
    await stream.hello();
    await stream.write("id: 7\ndata: one\ndata: two\n\n");
    expect(heard).toEqual(["7 one\ntwo"]);
    source.close();
    expect(stream.open).toBe(0);
  });
});
