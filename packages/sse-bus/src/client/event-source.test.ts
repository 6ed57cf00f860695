/* oxlint-disable unicorn/prefer-add-event-listener -- handler attributes are part of what is tested */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { describe, expect, onTestFinished, test, vi } from "vitest";

import { SseEventSource } from "./event-source.ts";
import type { SseEventSourceInit } from "./event-source-types.ts";
import oracle from "./vectors/browser-oracle.json" with { type: "json" };

// The cases of the web platform's `eventsource` tests that apply outside a document, rewritten
// from the HTML standard. Each title names the file whose subject it shares, where there is one.

describe("the interface", () => {
  test("has read-only constants on the class, on the prototype and on instances", async () => {
    const { source } = await serve();
    for (const holder of [SseEventSource, SseEventSource.prototype, source]) {
      expect([holder.CONNECTING, holder.OPEN, holder.CLOSED]).toEqual([0, 1, 2]);
      expect(() => Object.assign(holder, { OPEN: 7 })).toThrow(TypeError);
    }
  });

  test("needs `new` (eventsource-constructor-no-new)", () => {
    const call = SseEventSource as unknown as (url: string) => void;
    expect(() => call("http://127.0.0.1/")).toThrow(TypeError);
  });

  test.each(["http://this is invalid/", "http://[bad", "//"])(
    "throws a SyntaxError for the URL %s (eventsource-constructor-url-bogus)",
    (url) => {
      expect(() => new SseEventSource(url)).toThrow(
        expect.objectContaining({ name: "SyntaxError" }),
      );
    },
  );

  test("accepts anything that converts to a URL (eventsource-constructor-stringify)", async () => {
    const { url } = await serve();
    for (const given of [new URL(url), { toString: () => url } as unknown as string]) {
      const source = track(new SseEventSource(given));
      expect(source.url).toBe(url);
    }
  });

  test("resolves its URL against the page, and `url` is the result (eventsource-url)", () => {
    vi.stubGlobal("location", new URL("http://127.0.0.1:1/a/b"));
    onTestFinished(() => void vi.unstubAllGlobals());
    const source = track(new SseEventSource("resources/x?y#z"));
    expect(source.url).toBe("http://127.0.0.1:1/a/resources/x?y#z");
    expect(track(new SseEventSource("")).url).toBe("http://127.0.0.1:1/a/b");
  });

  test("is an EventTarget with attributes that start as null and false", async () => {
    const { source } = await serve();
    expect(source).toBeInstanceOf(EventTarget);
    expect(source.transport).toBe("stream");
    expect(source.readyState).toBe(SseEventSource.CONNECTING);
    expect([source.onopen, source.onmessage, source.onerror]).toEqual([null, null, null]);
    expect(source.withCredentials).toBe(false);
    expect(track(new SseEventSource(source.url, { withCredentials: true })).withCredentials).toBe(
      true,
    );
  });

  test("calls handlers in the order in which they were first set, also after they are replaced", async () => {
    const { source } = await serve(stream("data: x\n\n"));
    const calls: string[] = [];
    source.onmessage = () => calls.push("replaced");
    source.addEventListener("message", () => calls.push("listener"));
    source.onmessage = function () {
      calls.push(this === source ? "handler" : "wrong this");
    };
    await event(source, "message");
    expect(calls).toEqual(["handler", "listener"]);
  });

  test("removes a handler that is set to null or to anything but a function", async () => {
    const { source } = await serve(stream("data: x\n\n"));
    const handler = vi.fn();
    source.onmessage = handler;
    source.onmessage = null;
    source.onopen = handler;
    source.onopen = "no function" as never;
    expect([source.onmessage, source.onopen]).toEqual([null, null]);
    await event(source, "message");
    expect(handler).not.toHaveBeenCalled();
  });
});

describe("states", () => {
  test("go from CONNECTING to OPEN at `open`, and to CLOSED at close() (eventsource-onopen, -close)", async () => {
    const { source } = await serve(stream("data: x\n\n"));
    const opened = await event(source, "open");
    expect([opened.type, opened.bubbles, opened.cancelable]).toEqual(["open", false, false]);
    expect(source.readyState).toBe(SseEventSource.OPEN);
    source.close();
    expect(source.readyState).toBe(SseEventSource.CLOSED);
  });

  test("`open` comes with the headers, before any data", async () => {
    const { source } = await serve((response) => {
      response.writeHead(200, { "Content-Type": "text/event-stream" }).flushHeaders();
    });
    await event(source, "open");
  });

  test("after the end of a stream: error, CONNECTING, another request; after a bad answer CLOSED for good (eventsource-close)", async () => {
    const { source, requests } = await serve(
      (response) => response.writeHead(200, TYPE).end("retry: 1\ndata: opened\n\n"),
      (response) => response.writeHead(200, TYPE).end("data: reconnected\n\n"),
      (response) => response.writeHead(204).end(),
    );
    const seen: unknown[] = [];
    source.onopen = () => seen.push(["open", source.readyState]);
    source.onmessage = ({ data }) => seen.push(data);
    source.onerror = ({ type }) => seen.push([type, source.readyState]);
    await vi.waitFor(() => expect(source.readyState).toBe(SseEventSource.CLOSED), WAIT);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(seen).toEqual([
      ["open", 1],
      "opened",
      ["error", 0],
      ["open", 1],
      "reconnected",
      ["error", 0],
      ["error", 2],
    ]);
    expect(requests).toHaveLength(3);
  });

  test("a broken connection is also replaced (eventsource-reconnect)", async () => {
    const { source } = await serve((response) => {
      response.writeHead(200, TYPE).write("retry: 1\nid: 2\ndata: ok\n\ndata: cut off");
      setTimeout(() => response.destroy(), 5);
    }, stream("data: data\n\n"));
    const data: string[] = [];
    source.onmessage = (message) => data.push(message.data);
    await vi.waitFor(() => expect(data).toEqual(["ok", "data"]), WAIT);
  });

  test("a stopped server is retried", async () => {
    const source = track(new SseEventSource("http://127.0.0.1:9/"));
    await event(source, "error");
    expect(source.readyState).toBe(SseEventSource.CONNECTING);
  });

  test.each([204, 205, 210, 299, 404, 410, 500, 503])(
    "%i is final (request-status-error)",
    async (status) => {
      const { source, requests } = await serve((response) =>
        response.writeHead(status, TYPE).end(),
      );
      await event(source, "error");
      expect(source.readyState).toBe(SseEventSource.CLOSED);
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(requests).toHaveLength(1);
    },
  );

  test.each(["x bogus", "text/plain", "text/event-streamx", "", "text/event-stream2; charset=x"])(
    "the type `%s` is final (format-mime-bogus)",
    async (type) => {
      const { source } = await serve((response) =>
        response.writeHead(200, { "Content-Type": type }).end("data: x\n\n"),
      );
      source.onmessage = () => expect.unreachable("a message from a bad type");
      await event(source, "error");
      expect(source.readyState).toBe(SseEventSource.CLOSED);
    },
  );

  test.each([
    "text/event-stream;",
    "text/event-stream; x bogus",
    "Text/Event-Stream ;charset=latin1",
  ])(
    "the type `%s` is an event stream (format-mime-trailing-semicolon, -valid-bogus)",
    async (type) => {
      const { source } = await serve((response) =>
        response.writeHead(200, { "Content-Type": type }).write("data: data\n\n"),
      );
      expect((await message(source)).data).toBe("data");
    },
  );

  test("nothing is dispatched after close(), not even from the same bytes", async () => {
    const { source } = await serve(stream("data: 1\n\ndata: 2\n\n"));
    const data: string[] = [];
    source.onerror = () => data.push("error");
    source.onmessage = (received) => {
      data.push(received.data);
      source.close();
      source.close();
    };
    await event(source, "message");
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(data).toEqual(["1"]);
  });

  test("close() while the answer is awaited cancels the request (eventsource-request-cancellation)", async () => {
    let aborted = false;
    const { source, requests } = await serve((response) => {
      response.once("close", () => {
        aborted = true;
      });
    });
    source.onerror = () => expect.unreachable("an error of a closed source");
    await vi.waitFor(() => expect(requests).toHaveLength(1), WAIT);
    source.close();
    await vi.waitFor(() => expect(aborted).toBe(true), WAIT);
    expect(source.readyState).toBe(SseEventSource.CLOSED);
  });

  test("close() in the handler of an error ends the reconnecting", async () => {
    const { source, requests } = await serve((response) =>
      response.writeHead(200, TYPE).end("retry: 1\n\n"),
    );
    source.onerror = () => source.close();
    await event(source, "error");
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(requests).toHaveLength(1);
  });
});

describe("requests", () => {
  test("ask for an event stream and bypass caches (request-accept, -cache-control)", async () => {
    const { requests, source } = await serve(stream("data: x\n\n"));
    await event(source, "message");
    expect(requests[0]?.headers).toMatchObject({
      accept: "text/event-stream",
      "cache-control": "no-cache",
    });
    expect(requests[0]?.headers).not.toHaveProperty("last-event-id");
  });

  test.each([301, 302, 303, 307, 308])(
    "follow a redirect by %i (request-redirect)",
    async (status) => {
      const { source, url } = await serve(
        (response) => response.writeHead(status, { Location: "/elsewhere" }).end(),
        stream("data: x\n\n"),
      );
      await event(source, "message");
      expect(source.url).toBe(url);
    },
  );

  test.each([
    [false, undefined],
    [true, "include"],
  ])("withCredentials %s sends them as %s (request-credentials)", async (withCredentials, mode) => {
    const asked: unknown[] = [];
    const fetch = async (_: unknown, init?: RequestInit) => {
      asked.push(init?.credentials);
      return new Response(null, { status: 204 });
    };
    const source = track(new SseEventSource("http://127.0.0.1/", { withCredentials, fetch }));
    await event(source, "error");
    expect(asked).toEqual([mode]);
  });
});

describe("the last event id", () => {
  test("is sent after a reconnect, in UTF-8, and kept by a stream without a new id (format-field-id, -id-2)", async () => {
    const { source, requests } = await serve(
      (response) => response.writeHead(200, TYPE).end("retry: 1\nid: …\ndata: hello\n\n"),
      (response) => response.writeHead(200, TYPE).end("data: again\n\n"),
      // It stays open: after one that ends, there would be another request.
      stream("data: and again\n\n"),
    );
    const ids: string[] = [];
    source.onmessage = ({ lastEventId }) => ids.push(lastEventId);
    await vi.waitFor(() => expect(ids).toHaveLength(3), WAIT);
    expect(ids).toEqual(["…", "…", "…"]);
    const sent = requests.slice(1, 3).map(({ headers }) => String(headers["last-event-id"]));
    expect(sent.map((bytes) => Buffer.from(bytes, "latin1").toString())).toEqual(["…", "…"]);
    expect(source.lastEventId).toBe("…");
  });

  test("persists from block to block, and an empty one resets it, with or without colon (format-field-id-3)", async () => {
    const blocks = "id: 1\ndata: a\n\ndata: b\n\nid:\ndata: c\n\nid: 2\ndata: d\n\nid\ndata: e\n\n";
    const { source, requests } = await serve(
      (response) => response.writeHead(200, TYPE).end(`retry: 1\n${blocks}`),
      stream(""),
    );
    const ids: string[] = [];
    source.onmessage = ({ lastEventId }) => ids.push(lastEventId);
    await vi.waitFor(() => expect(requests).toHaveLength(2), WAIT);
    expect(ids).toEqual(["1", "1", "", "2", ""]);
    expect(requests[1]?.headers).not.toHaveProperty("last-event-id");
  });

  test("is moved by a block that has only an id", async () => {
    const { requests, source } = await serve(
      (response) => response.writeHead(200, TYPE).end("retry: 1\nid: 7\n\n"),
      stream("data: x\n\n"),
    );
    expect((await message(source)).lastEventId).toBe("7");
    expect(requests[1]?.headers["last-event-id"]).toBe("7");
  });

  test("is not moved by a block that the end of the stream cut off", async () => {
    const { requests, source } = await serve(
      (response) =>
        response.writeHead(200, TYPE).end("retry: 1\nid: 7\ndata: x\n\nid: 8\ndata: y\n"),
      stream("data: z\n\n"),
    );
    await event(source, "error");
    await message(source);
    expect(requests[1]?.headers["last-event-id"]).toBe("7");
  });

  test.each(["\0\0", "x\0", "\0x", "x\0x", " \0"])(
    "that contains NUL is ignored (format-field-id-null)",
    async (id) => {
      const { source } = await serve(stream(`id: ${id}\ndata: hello\n\n`));
      expect((await message(source)).lastEventId).toBe("");
    },
  );
});

describe("the format", () => {
  test.each<[string, string, string[]]>([
    ["format-bom", "\uFEFFdata:1\n\n\uFEFFdata:2\n\ndata:3\n\n", ["1", "3"]],
    ["format-bom-2", "\uFEFF\uFEFFdata:1\n\ndata:2\n\ndata:3\n\n", ["2", "3"]],
    ["format-comments", ":\0\ndata:1\r:\0\n:\ndata:2\n:xyz\r\ndata:3\n\n", ["1\n2\n3"]],
    ["format-data-before-final-empty-line", "data:test1\n\nid:test\ndata:test2", ["test1"]],
    ["format-field-data", "data:\n\ndata\ndata\n\ndata:test\n\n", ["", "\n", "test"]],
    ["format-field-event-empty", "event: \ndata:data\n\n", ["data"]],
    [
      "format-field-parsing",
      "data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n",
      ["\0\n 2\n1\n3\n\n4"],
    ],
    [
      "format-field-unknown",
      "data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n",
      ["test\n\ntest"],
    ],
    ["format-leading-space", "data:\ttest\rdata: \ndata:test\n\n", ["\ttest\n\ntest"]],
    ["format-newlines", "data:test\r\ndata\ndata:test\r\n\r", ["test\n\ntest"]],
    ["format-null-character", "data:\0\n\n\n\n", ["\0"]],
    ["format-utf-8", "data:ok…\n\n", ["ok…"]],
  ])("%s", async (_, text, expected) => {
    const { source } = await serve((response) =>
      response
        .writeHead(200, { "Content-Type": "text/event-stream;charset=windows-1252" })
        .write(text),
    );
    const data: string[] = [];
    source.onmessage = (received) => data.push(received.data);
    await vi.waitFor(() => expect(data).toEqual(expected), WAIT);
  });

  test("an event goes to the listeners of its name, and to those only (format-field-event)", async () => {
    const { source } = await serve(
      stream("event:test\ndata:x\n\nevent: error\ndata: y\n\ndata:z\n\n"),
    );
    const seen: string[] = [];
    source.addEventListener("test", ({ type, data }) => seen.push(`${type} ${data}`));
    source.onerror = (received) => seen.push(`error ${(received as MessageEvent<string>).data}`);
    source.onmessage = ({ data }) => seen.push(`message ${data}`);
    await vi.waitFor(() => expect(seen).toEqual(["test x", "error y", "message z"]), WAIT);
  });

  test("a message has the origin it came from, after redirects", async () => {
    const elsewhere = await serve(stream("data: x\n\n"));
    elsewhere.source.close();
    const { source, url } = await serve((response) =>
      response.writeHead(307, { Location: elsewhere.url }).end(),
    );
    const received = await message(source);
    expect(received).toBeInstanceOf(MessageEvent);
    expect(received.origin).toBe(new URL(elsewhere.url).origin);
    expect(received.origin).not.toBe(new URL(url).origin);
  });

  test.each([
    // The default is three seconds. An invalid value that is read as a number would change it.
    ["retry: 150", 150, 2_500],
    ["retry: 150\nretry: 5000x\nretry:\nretry: -1\nretry: 1.5", 150, 2_500],
  ])(
    "`%s` sets the reconnection time (format-field-retry, -bogus, -empty)",
    async (field, from, to) => {
      const { source, requests } = await serve(
        (response) => response.writeHead(200, TYPE).end(`${field}\ndata: x\n\n`),
        stream("data: y\n\n"),
      );
      await event(source, "error");
      const lost = performance.now();
      await vi.waitFor(() => expect(requests).toHaveLength(2), WAIT);
      expect(performance.now() - lost).toBeGreaterThanOrEqual(from - 2);
      expect(performance.now() - lost).toBeLessThan(to);
    },
  );
});

test("all 1,383 streams give the events of the browsers, through real sockets and random pieces", async () => {
  const vectors = oracle.vectors.map(({ bytes, events }) => ({
    bytes: Buffer.from(bytes, "base64"),
    events: events as { type: string; data: string; lastEventId: string }[],
  }));
  const { url, source } = await serve();
  source.close();
  serveVectors = async (index, response) => {
    const { bytes } = vectors[index] as (typeof vectors)[number];
    response.writeHead(200, TYPE).flushHeaders();
    for (let start = 0; start < bytes.length;) {
      const end = start + 1 + Math.floor(Math.random() * 20);
      response.write(bytes.subarray(start, end));
      start = end;
      if (Math.random() < 0.2) await new Promise(setImmediate);
    }
    response.end();
  };
  const types = new Set(vectors.flatMap(({ events }) => events.map(({ type }) => type)));
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < vectors.length) {
      const index = next++;
      const reading = track(new SseEventSource(`${url}?vector=${index}`));
      const seen: unknown[] = [];
      for (const type of types) {
        if (type === "error") continue;
        reading.addEventListener(type, ({ data, lastEventId }) => {
          seen.push({ type, data, lastEventId });
        });
      }
      await event(reading, "error");
      reading.close();
      expect(seen).toEqual(vectors[index]?.events);
    }
  };
  await Promise.all(Array.from({ length: 16 }, work));
  expect(next).toBeGreaterThanOrEqual(1_383);
});

describe("beyond the standard", () => {
  test("headers are sent; a function is called for each request", async () => {
    let asked = 0;
    const { source, requests } = await serve(
      { headers: async () => ({ Authorization: `Bearer ${++asked}` }) },
      (response) => response.writeHead(200, TYPE).end("retry: 1\n\n"),
      stream("data: x\n\n"),
    );
    await message(source);
    expect(requests.map(({ headers }) => headers.authorization)).toEqual(["Bearer 1", "Bearer 2"]);
  });

  test("headers whose names differ only in case are one, and the last id replaces a Last-Event-ID of the caller", async () => {
    const { source, requests } = await serve(
      { headers: { "last-event-id": "seed", accept: "text/event-stream;q=1", AUTHORIZATION: "x" } },
      (response) => response.writeHead(200, TYPE).end("retry: 1\nid: srv-1\ndata: x\n\n"),
      stream("data: y\n\n"),
    );
    await vi.waitFor(() => expect(requests).toHaveLength(2), WAIT);
    source.close();
    expect(requests.map(({ headers }) => headers["last-event-id"])).toEqual(["seed", "srv-1"]);
    expect(requests[1]?.headers).toMatchObject({
      accept: "text/event-stream;q=1",
      authorization: "x",
    });
  });

  test("retryStatuses are retried, from the last id and after Retry-After; others stay final", async () => {
    const { source, requests } = await serve(
      { retryStatuses: [502, 503], backoff: { baseMs: 1, maxMs: 1 } },
      (response) => response.writeHead(200, TYPE).end("retry: 1\nid: 7\ndata: x\n\n"),
      (response) => response.writeHead(502, { "Content-Type": "text/html" }).end("<h1>"),
      (response) => response.writeHead(503, { "Retry-After": "1" }).end(),
      (response) => response.writeHead(200, TYPE).end("data: y\n\n"),
      (response) => response.writeHead(504).end(),
    );
    const seen: unknown[] = [];
    let since = 0;
    source.onmessage = ({ data }) => seen.push(data);
    source.onerror = () => {
      seen.push(source.readyState);
      if (requests.length === 3 && !since) since = performance.now();
    };
    await vi.waitFor(() => expect(source.readyState).toBe(SseEventSource.CLOSED), WAIT);
    expect(seen).toEqual(["x", 0, 0, 0, "y", 0, 2]);
    expect(requests).toHaveLength(5);
    expect(requests.slice(1).map(({ headers }) => headers["last-event-id"])).toEqual(
      Array(4).fill("7"),
    );
    expect(performance.now() - since).toBeGreaterThanOrEqual(999);
  });

  test.each([
    ["Retry-After", new Response("", { status: 503, headers: { "Retry-After": "3600" } })],
    ["`retry`", new Response(`retry: ${"9".repeat(18)}\n\n`, { headers: TYPE })],
  ])("no attempt waits longer than five minutes for a server: %s", async (_, first) => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const fetch = vi.fn<typeof globalThis.fetch>(async () => first);
    const init = { fetch, retryStatuses: [503] };
    const source = new SseEventSource("http://localhost/", init);
    await vi.advanceTimersByTimeAsync(299_000);
    expect(fetch).toHaveBeenCalledOnce();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(fetch).toHaveBeenCalledTimes(2);
    source.close();
  });

  test("the wait grows with each failed attempt, in addition to the reconnection time", async () => {
    vi.useFakeTimers();
    vi.spyOn(Math, "random").mockReturnValue(0.999);
    onTestFinished(() => {
      vi.useRealTimers();
      vi.restoreAllMocks();
    });
    const times: number[] = [];
    const fetch = async (): Promise<Response> => {
      times.push(performance.now());
      if (times.length === 1) return new Response("retry: 20\n\n", { headers: TYPE });
      throw new TypeError("no network");
    };
    track(new SseEventSource("http://127.0.0.1/", { fetch, backoff: { baseMs: 40, maxMs: 80 } }));
    await vi.advanceTimersByTimeAsync(400);
    const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    const bounds = [20, 60, 100, 100] as const;
    for (const [index, bound] of bounds.entries()) {
      expect(waits[index]).toBeGreaterThanOrEqual(bound - 2);
      expect(waits[index]).toBeLessThanOrEqual(bound + 2);
    }
  });

  test("a stream that is silent for longer than watchdogMs counts as lost", async () => {
    const { source, requests } = await serve(
      // A busy machine may take a while between the head of an answer and its first bytes.
      { watchdogMs: 500 },
      stream("retry: 1\nid: 5\ndata: x\n\n"),
      stream("data: y\n\n"),
    );
    await message(source);
    await event(source, "error");
    expect(source.readyState).toBe(SseEventSource.CONNECTING);
    expect((await message(source)).data).toBe("y");
    expect(requests[1]?.headers["last-event-id"]).toBe("5");
  });

  test("a source without a watchdog stays open for as long as the server does", async () => {
    const { source } = await serve(stream("data: x\n\n"));
    await event(source, "open");
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(source.readyState).toBe(SseEventSource.OPEN);
  });
});

type Answer = (response: ServerResponse) => unknown;

const TYPE = { "Content-Type": "text/event-stream" };
const WAIT = { timeout: 8_000, interval: 2 };

let serveVectors: (index: number, response: ServerResponse) => Promise<void> = async () => {};

/** Starts a server that gives these answers one after the other, the last one from then on, and a source. */
async function serve(...given: (SseEventSourceInit | Answer)[]) {
  const answers = given.filter((one): one is Answer => typeof one === "function");
  const init = given.find((one): one is SseEventSourceInit => typeof one === "object");
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    const vector = new URL(request.url ?? "", "http://x").searchParams.get("vector");
    if (vector !== null) {
      void serveVectors(Number(vector), response);
      return;
    }
    requests.push(request);
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    answer?.(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/stream`;
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const source = track(new SseEventSource(url, init));
  return { source, url, requests };
}

/** A response that stays open. */
function stream(text: string): Answer {
  return (response) => {
    response.writeHead(200, TYPE).flushHeaders();
    response.write(text);
  };
}

function track(source: SseEventSource): SseEventSource {
  onTestFinished(() => source.close());
  return source;
}

function event(source: SseEventSource, type: string): Promise<Event> {
  return new Promise((resolve) => {
    source.addEventListener(type, resolve, { once: true });
  });
}

async function message(source: SseEventSource): Promise<MessageEvent<string>> {
  return (await event(source, "message")) as MessageEvent<string>;
}
