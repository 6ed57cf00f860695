import { afterEach, describe, expect, test, vi } from "vitest";
import { startStreamServer } from "../../test/support/stream-server.ts";
import { createTestBus } from "./test-bus.ts";
import { readEvents } from "./read-events.ts";

afterEach(() => vi.useRealTimers());

const encoder = new TextEncoder();

/** A response whose body a test writes to. */
function openResponse() {
  let body!: ReadableStreamDefaultController<Uint8Array>;
  const response = new Response(new ReadableStream({ start: (own) => void (body = own) }), {
    headers: { "Content-Type": "text/event-stream" },
  });
  return { response, write: (text: string) => body.enqueue(encoder.encode(text)), body };
}

describe("readEvents", () => {
  test("reads a response one event at a time, with type, id, channel and data", async () => {
    const { response, write } = openResponse();
    await using events = await readEvents(response);
    write("retry: 5\nid: 1-1-e\nevent: hello\ndata: {}\n\n");
    write('id: 2-1-e@orders/42\ndata: {"total":\ndata: 42}\n\n');
    write("data: 1\n\n");
    expect(await events.next()).toMatchObject({ event: "hello", id: "1-1-e", channel: "default" });
    expect(events.retryMs).toBe(5);
    const message = await events.next();
    expect(message).toMatchObject({ event: "message", channel: "orders/42" });
    expect(message.data).toBe('{"total":\n42}');
    expect(message.json()).toEqual({ total: 42 });
    expect((await events.next()).id).toBe("2-1-e@orders/42");
    expect(events.lastEventId).toBe("2-1-e@orders/42");
  });

  test("reads raw data as a string", async () => {
    await using server = createTestBus();
    await using events = await readEvents(`${server.url}?channel=rows`, { fetch: server.fetch });
    await events.next("hello");
    await server.bus.publish("<li>\n</li>", { channel: "rows", raw: true });
    const event = await events.next("message");
    expect(event).toMatchObject({ channel: "rows", data: "<li>\n</li>" });
    expect(event.json()).toBe("<li>\n</li>");
  });

  test("skips other events, by type or by a function", async () => {
    const { response, write } = openResponse();
    await using events = await readEvents(response);
    for (const n of [1, 2, 3]) write(`event: ping\ndata: 0\n\ndata: ${n}\n\n`);
    expect((await events.next("message")).data).toBe("1");
    expect((await events.next(({ data }) => data === "3")).data).toBe("3");
  });

  test("reads a URL over a real socket, with headers, and disconnects on dispose", async () => {
    await using server = await startStreamServer();
    const first = server.publish("one");
    server.publish("two");
    {
      await using events = await readEvents(`${server.url}?channel=default`, {
        headers: { "Last-Event-ID": first },
      });
      expect((await events.next("message")).json()).toBe("two");
      expect(events.response.status).toBe(200);
    }
    await server.until(0);
  });

  test("can be iterated, until the stream ends", async () => {
    const { response, write, body } = openResponse();
    const events = await readEvents(response);
    write("data: 1\n\ndata: 2\n\ndata: cut of");
    body.close();
    const all: string[] = [];
    for await (const { data } of events) all.push(data);
    expect(all).toEqual(["1", "2"]);
  });

  test("reports what arrived if the awaited event does not arrive in time, also with fake timers", async () => {
    vi.useFakeTimers();
    const { response, write } = openResponse();
    await using events = await readEvents(response, { timeoutMs: 20 });
    write("event: ping\ndata: 0\n\n");
    await expect(events.next("message")).rejects.toThrow(/Waited 20 ms for "message"[^]*ping .* 0/);
    // Later events are kept for the next call.
    const next = events.next();
    write("data: late\n\ndata: later\n\n");
    expect((await next).data).toBe("late");
    expect((await events.next()).data).toBe("later");
  });

  test("throws if the stream ends or breaks before the awaited event", async () => {
    const ended = openResponse();
    await using events = await readEvents(ended.response);
    ended.body.close();
    await expect(events.next("message")).rejects.toThrow('The stream ended before "message"');
    const broken = openResponse();
    await using rest = await readEvents(broken.response);
    broken.body.error(new TypeError("cut"));
    await expect(rest.next()).rejects.toThrow("cut");
  });

  test("rejects a response that is not an event stream, with its status and body", async () => {
    await using server = createTestBus({ authorize: () => 401 });
    await expect(readEvents(server.url, { fetch: server.fetch })).rejects.toThrow(
      /No event stream: 401 application\/problem\+json: .*UNAUTHORIZED/,
    );
    await expect(readEvents(new Response("<h1>Hi</h1>"))).rejects.toThrow("<h1>Hi</h1>");
  });
});
