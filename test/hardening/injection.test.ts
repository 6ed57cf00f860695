import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rawClient } from "../support/raw-client.ts";
import { openStream } from "../support/event-stream.ts";
import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";

let app: NextServer;
beforeAll(async () => {
  app = await startDemo({ env: { SSE_BUS_OPEN_PUBLISH: "1" } });
});
afterAll(async () => {
  await app?.[Symbol.asyncDispose]();
});

/** A channel of its own for each test. */
const ownChannel = (): string => `hardening/${crypto.randomUUID()}`;
const streamUrl = (query = ""): string => `${app.url}/api/sse${query}`;
const publishUrl = (query = ""): string => `${app.url}/api/publish${query}`;

async function post(body: unknown): Promise<Response> {
  return fetch(publishUrl(), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

async function codeOf(response: Response): Promise<unknown> {
  return ((await response.json()) as { code?: unknown }).code;
}

const INJECTIONS = [
  "x\nevent: bye\ndata: {}\n\n",
  "x\r\nid: 9",
  "x\rdata: y",
  "x\0",
  "x\n\n",
  "\n",
  "x\uD800",
];

describe("field injection into the stream", () => {
  test.each(["channel", "event", "key", "id"])(
    "through %s: rejected, never stripped",
    async (field) => {
      const channel = ownChannel();
      await using stream = await openStream(streamUrl(`?channel=${channel}`));
      await stream.next("hello");
      for (const value of INJECTIONS) {
        const posted = await post({ data: "evil", channel, [field]: value });
        expect(posted.status, JSON.stringify(value)).toBe(400);
        const query = new URLSearchParams({ msg: "evil", channel });
        query.set(field, value);
        // A query is decoded as UTF-8, so it cannot contain a lone surrogate.
        if (!value.isWellFormed()) continue;
        expect((await fetch(publishUrl(`?${query}`))).status, JSON.stringify(value)).toBe(400);
      }
      await post({ data: "good", channel });
      expect((await stream.next()).json()).toBe("good");
      expect(stream.events.map(({ event }) => event)).toEqual(["hello", "message"]);
    },
  );

  test("through data: line breaks stay inside one field, byte for byte", async () => {
    const channel = ownChannel();
    await using raw = await rawClient(app.port);
    raw.send(`GET /api/sse?channel=${channel} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await raw.until("event: hello");
    const evil = "\r\n\r\nevent: bye\r\ndata: {}\r\n\r\nid: 1\n\n";
    await post({ data: evil, channel });
    await post({ data: "end", channel });
    const text = await raw.until('"end"');
    const body = text.slice(text.indexOf("event: hello"));
    expect(body).not.toMatch(/^event: bye/m);
    expect(body.match(/^data: /gm), "hello, the message, the end").toHaveLength(3);
  });
});

describe("response splitting: CR and LF in the query never reach a header", () => {
  test.each(["channel", "from", "msg", "event", "key", "id", "x"])("through %s", async (name) => {
    for (const path of ["/api/sse", "/api/publish"]) {
      const value = "a%0d%0aSet-Cookie:%20evil=1%0d%0a%0d%0a<script>";
      await using raw = await rawClient(app.port);
      raw.send(`GET ${path}?${name}=${value} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      const text = await raw.until("\r\n\r\n");
      expect(text).toMatch(/^HTTP\/1\.1 (200|400) /);
      expect(text.slice(0, text.indexOf("\r\n\r\n")).toLowerCase()).not.toContain("set-cookie");
    }
  });

  test("through a folded or bare header line: Node.js rejects the request", async () => {
    for (const line of ["Last-Event-ID: 1\r\n evil: 2", "Last-Event-ID: 1\nEvil: 2", "Last\0: 1"]) {
      await using raw = await rawClient(app.port);
      raw.send(`GET /api/sse HTTP/1.1\r\nHost: localhost\r\n${line}\r\n\r\n`);
      expect(await raw.until("\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 /);
    }
  });
});

describe("forged cursors", () => {
  test("in Last-Event-ID cause a gap, never an error", async () => {
    const channel = ownChannel();
    const { id } = (await (await post({ data: 1, channel })).json()) as { id: string };
    const [seq, time, rest] = id.split("-") as [string, string, string];
    for (const forged of [
      "0",
      "-1",
      "../../etc/passwd",
      "' OR 1=1 --",
      `${seq}-${time}`,
      `zzzzzzzzzzz-${time}-${rest}`,
      `${Number.MAX_SAFE_INTEGER.toString(36)}-${time}-${rest}`,
      `${seq}-zzzzzzzzz-aaaaaaaa`,
      `${id}@${channel}`,
      `${id}${"a".repeat(300)}`,
      "{}",
      "%0d%0a",
    ]) {
      await using stream = await openStream(streamUrl(`?channel=${channel}`), {
        lastEventId: forged,
      });
      await stream.next("hello");
      expect((await stream.next()).event, forged).toBe("gap");
    }
  });

  test("with another channel's suffix read no other channel", async () => {
    const [open, secret] = [ownChannel(), ownChannel()];
    const { id } = (await (await post({ data: 1, channel: open })).json()) as { id: string };
    await post({ data: "secret", channel: secret });
    const lastEventId = `${id.split("@")[0]}@${secret}`;
    await using stream = await openStream(streamUrl(`?channel=${open}`), { lastEventId });
    await post({ data: "end", channel: open });
    expect((await stream.next("message")).json()).toBe("end");
  });

  test("in the query are rejected", async () => {
    for (const from of ["0", "yesterday", "9999999999999-0-0", "<script>"]) {
      const response = await fetch(streamUrl(`?from=${encodeURIComponent(from)}`));
      expect(await codeOf(response)).toBe("INVALID_CURSOR");
    }
  });

  test("of 64 KB are rejected by Node.js, and of 15 KB cause a gap", async () => {
    await using raw = await rawClient(app.port);
    const id = "a".repeat(65_536);
    raw.send(`GET /api/sse HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: ${id}\r\n\r\n`);
    expect(await raw.until("\r\n\r\n")).toMatch(/^HTTP\/1\.1 431 /);
    await using stream = await openStream(streamUrl(), { lastEventId: "a".repeat(15_000) });
    await stream.next("hello");
    expect((await stream.next()).event).toBe("gap");
  });
});

test("events of the protocol and of EventSource itself cannot be published", async () => {
  for (const event of ["hello", "ping", "gap", "bye", "error", "open"]) {
    expect(await codeOf(await post({ data: {}, event }))).toBe("INVALID_EVENT_NAME");
    const trigger = await fetch(publishUrl(`?msg=x&event=${event}`));
    expect(await codeOf(trigger)).toBe("INVALID_EVENT_NAME");
  }
});

describe("script injection by sniffing", () => {
  const script = "<script>alert(1)</script>";

  test("a response that quotes a request is JSON, with its type and without sniffing", async () => {
    for (const url of [
      publishUrl(`?msg=${encodeURIComponent(script)}`),
      publishUrl(`?msg=x&channel=${encodeURIComponent(script)}`),
      publishUrl(`?${encodeURIComponent(script)}`),
      streamUrl(`?channel=${encodeURIComponent(script)}`),
      streamUrl(`?from=${encodeURIComponent(script)}`),
    ]) {
      const { headers } = await fetch(url);
      expect(headers.get("content-type"), url).toMatch(/^application\/(problem\+)?json$/);
      expect(headers.get("x-content-type-options"), url).toBe("nosniff");
    }
    const malformed = await post(script);
    expect(malformed.headers.get("x-content-type-options")).toBe("nosniff");
  });

  test("a stream cannot be opened as a page", async () => {
    await using stream = await openStream(streamUrl());
    expect(stream.headers["content-type"]).toMatch(/^text\/event-stream/);
    expect(stream.headers["x-content-type-options"]).toBe("nosniff");
  });
});

describe("prototype pollution", () => {
  test("a message may contain __proto__ as plain data", async () => {
    const channel = ownChannel();
    await using stream = await openStream(streamUrl(`?channel=${channel}`));
    await stream.next("hello");
    const json = '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}}}';
    expect((await post(`{"data":${json},"channel":"${channel}"}`)).status).toBe(200);
    expect((await stream.next()).data).toBe(json);
    const query = `?msg=x&channel=${channel}&__proto__=y&constructor=z&toString=0`;
    expect((await fetch(publishUrl(query))).status).toBe(200);
    const message = (await stream.next()).data;
    expect(message).toContain('"constructor":"z"');
    expect((JSON.parse(message) as { isAdmin?: true }).isAdmin).toBeUndefined();
  });

  test("settings of a publish cannot be inherited", async () => {
    const response = await post('{"data":1,"__proto__":{"channel":"elsewhere"}}');
    expect(await codeOf(response)).toBe("MALFORMED_BODY");
  });

  test("of a repeated field, one value is used everywhere", async () => {
    const [first, last] = [ownChannel(), ownChannel()];
    await using stream = await openStream(streamUrl(`?channel=${first}&channel=${last}`));
    await stream.next("hello");
    const response = await post(`{"data":1,"channel":"${first}","channel":"${last}"}`);
    const { channel } = (await response.json()) as { channel: string };
    expect((await stream.next()).id).toMatch(new RegExp(`@${channel}$`));
  });
});
