import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStream } from "../support/event-stream.ts";
import { rawClient } from "../support/raw-client.ts";
import type { ReceivedEvent } from "../support/stream-response.ts";
import { waitFor } from "../support/wait-for.ts";
import { testPages } from "./pages.ts";

/** A running server that speaks the protocol: the demo, the hub. Publishing is open. */
export interface HttpSurface extends AsyncDisposable {
  readonly streamUrl: string;
  readonly publishUrl: string;
  readonly healthUrl: string;
}

/** What every server of the package must do over HTTP, on any platform. */
export function testHttpSurface(name: string, start: () => Promise<HttpSurface>): void {
  describe(name, () => {
    let surface: HttpSurface;
    beforeAll(async () => {
      surface = await start();
      // Next.js loads a route's code at its first request, which must not be measured.
      await (await openStream(surface.streamUrl))[Symbol.asyncDispose]();
    });
    afterAll(async () => {
      await surface?.[Symbol.asyncDispose]();
    });

    /** A channel of its own for each test. */
    const channel = (): string => `surface/${crypto.randomUUID()}`;
    const stream = (query: string): string => `${surface.streamUrl}?${query}`;

    async function publish(data: unknown, options: Record<string, string>) {
      const response = await fetch(surface.publishUrl, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ data, ...options }),
      });
      expect(response.status).toBe(200);
      return (await response.json()) as { id: string; channel: string; time: number };
    }

    async function connections(): Promise<number> {
      const health = (await (await fetch(surface.healthUrl)).json()) as { connections: number };
      return health.connections;
    }

    /** The server detects closed streams of earlier tests a moment later. */
    const untilNobodyIsLeft = (): Promise<unknown> =>
      waitFor("no stream to be left", async () => (await connections()) === 0);

    test("hello arrives with the headers, immediately", async () => {
      const started = performance.now();
      await using open = await openStream(stream(`channel=${channel()}`));
      const hello = await open.next("hello");
      // Not with the first heartbeat after 15 s, which would flush a buffer on the way.
      expect(performance.now() - started).toBeLessThan(5000);
      expect(open.headers["content-type"]).toBe("text/event-stream; charset=utf-8");
      expect(open.headers["cache-control"]).toBe("no-cache, no-transform");
      expect(open.headers["x-accel-buffering"]).toBe("no");
      expect(hello.json()).toMatchObject({ resumed: false, cursor: hello.id, heartbeatMs: 15_000 });
      expect(open.retryMs).toBeGreaterThan(0);
    });

    test("a message published by GET reaches the stream, as in the response", async () => {
      const name = channel();
      await using open = await openStream(stream(`channel=${name}`));
      await open.next("hello");
      const url = `${surface.publishUrl}?msg=Hällo%20😀&channel=${name}`;
      const answer = (await (await fetch(url)).json()) as { id: string; data: { ip: string } };
      const message = await open.next("message");
      expect(message.id).toBe(answer.id);
      expect(message.json()).toEqual(answer.data);
      expect(answer.data).toMatchObject({ msg: "Hällo 😀", ip: "127.0.0.1" });
    });

    test("every string arrives unchanged", async () => {
      const name = channel();
      await using open = await openStream(stream(`channel=${name}`));
      const texts = [
        "a\r\nb\rc\nd",
        "\0",
        "\u2028\u2029",
        "\uFEFFx",
        "\uD800",
        "😀",
        " ",
        "data: x\n\n",
      ];
      for (const text of [...texts, "é".repeat(100_000)]) {
        await publish(text, { channel: name });
        expect((await open.next("message")).json()).toBe(text);
      }
    });

    test("Last-Event-ID resumes with exactly the messages after it, then live", async () => {
      const name = channel();
      const ids: string[] = [];
      for (const n of [1, 2, 3, 4, 5]) ids.push((await publish(n, { channel: name })).id);
      const lastEventId = ids[1] as string;
      await using open = await openStream(stream(`channel=${name}`), { lastEventId });
      expect((await open.next("hello")).json()).toMatchObject({ resumed: true });
      await publish(6, { channel: name });
      for (const n of [3, 4, 5, 6]) expect((await open.next()).json()).toBe(n);
    });

    test("a cursor in the query, as polyfills send it, resumes too", async () => {
      const name = channel();
      const { id } = await publish(1, { channel: name });
      await publish(2, { channel: name });
      await using open = await openStream(
        stream(`channel=${name}&lastEventId=${encodeURIComponent(id)}`),
      );
      expect((await open.next("hello")).json()).toMatchObject({ resumed: true });
      expect((await open.next()).json()).toBe(2);
    });

    test("an id of another epoch gives a gap first, then everything kept", async () => {
      const name = channel();
      await publish(1, { channel: name });
      const lastEventId = "5-mb1x2k3f-k3x9q7aa";
      await using open = await openStream(stream(`channel=${name}`), { lastEventId });
      expect((await open.next()).event).toBe("hello");
      const gap = await open.next();
      expect(gap.event).toBe("gap");
      expect(gap.json()).toEqual({ channels: [name], reason: "restarted" });
      expect((await open.next()).json()).toBe(1);
    });

    test("from=earliest replays, from=latest gives the newest of each key, a cursor continues", async () => {
      const name = channel();
      const { id } = await publish(1, { channel: name, key: "a" });
      for (const n of [2, 3]) await publish(n, { channel: name, key: "a" });
      await publish(9, { channel: name, key: "b" });
      const read = async (from: string, count: number) => {
        await using open = await openStream(stream(`channel=${name}&from=${from}`));
        const seen: unknown[] = [];
        while (seen.length < count) seen.push((await open.next("message")).json());
        await publish("end", { channel: name, event: "end", key: "end" });
        return [...seen, (await open.next(isNoPing)).json()];
      };
      expect(await read("latest", 2)).toEqual([3, 9, "end"]);
      // Readers that are behind skip superseded messages.
      expect(await read(encodeURIComponent(id), 2)).toEqual(
        [3, 9, "end"].slice(0, 2).concat("end"),
      );
    });

    test("patterns deliver exactly what they cover", async () => {
      const base = channel();
      await using open = await openStream(stream(`channel=${base}/*&channel=${base}/deep/**`));
      await open.next("hello");
      await publish("not: the base itself", { channel: base });
      await publish("not: too deep for *", { channel: `${base}/a/b` });
      await publish(1, { channel: `${base}/a` });
      await publish(2, { channel: `${base}/deep/x/y` });
      expect((await open.next()).json()).toBe(1);
      expect((await open.next()).json()).toBe(2);
    });

    test("a retry of a publish with the same id is stored once", async () => {
      const name = channel();
      const options = { channel: name, id: crypto.randomUUID() };
      const first = await publish("once", options);
      const again = await publish("once", options);
      expect(again.id).toBe(first.id);
      await using open = await openStream(stream(`channel=${name}&from=earliest`));
      expect((await open.next("message")).json()).toBe("once");
      await publish("end", { channel: name });
      expect((await open.next(isNoPing)).json()).toBe("end");
    });

    test.each([
      ["an array", "application/json", (all: string[]) => `[${all.join(", ")}]`],
      ["NDJSON", "application/x-ndjson; charset=utf-8", (all: string[]) => all.join("\n")],
    ])(
      "a batch as %s is answered with its messages, and arrives in order",
      async (_, type, join) => {
        const name = channel();
        await using open = await openStream(stream(`channel=${name}/*`));
        await open.next("hello");
        const messages = [1, 2, 3].map((data) => ({ data, channel: `${name}/${data % 2}` }));
        const response = await fetch(surface.publishUrl, {
          method: "POST",
          headers: { "Content-Type": type },
          body: join(messages.map((message) => JSON.stringify(message))),
        });
        expect(response.status).toBe(200);
        const published = (await response.json()) as { id: string }[];
        expect(published).toMatchObject(messages);
        for (const { id } of published) expect((await open.next(isNoPing)).id).toBe(id);
      },
    );

    test("HEAD returns the stream's headers and opens nothing", async () => {
      await untilNobodyIsLeft();
      const response = await fetch(surface.streamUrl, { method: "HEAD" });
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toContain("text/event-stream");
      expect(await connections()).toBe(0);
    });

    testPages({ channel, stream, publish, connections });

    test.each([
      ["stream", "GET", "?wait=61", {}, 400, "INVALID_PAGE"],
      ["stream", "GET", "?wait=0&limit=0", { Accept: "application/json" }, 400, "INVALID_PAGE"],
      ["stream", "GET", "?channel=a%20b", {}, 400, "INVALID_CHANNEL"],
      ["stream", "GET", "?channel=~control", {}, 400, "INVALID_CHANNEL"],
      ["stream", "GET", "?channel=a%0ab", {}, 400, "INVALID_CHANNEL"],
      ["stream", "GET", "?from=nonsense", {}, 400, "INVALID_CURSOR"],
      ["stream", "GET", "", { Accept: "application/json" }, 406, "NOT_ACCEPTABLE"],
      ["stream", "POST", "", {}, 405, "METHOD_NOT_ALLOWED"],
      ["stream", "DELETE", "", {}, 405, "METHOD_NOT_ALLOWED"],
      ["publish", "GET", "", {}, 400, "MISSING_MESSAGE"],
      ["publish", "GET", "?msg=x&channel=a%20b", {}, 400, "INVALID_CHANNEL"],
      ["publish", "GET", "?msg=x&event=hello", {}, 400, "INVALID_EVENT_NAME"],
      ["publish", "GET", "?msg=x", { "Sec-Purpose": "prefetch" }, 403, "PREFETCH"],
      ["publish", "GET", "?msg=x", { Origin: "https://evil.example" }, 403, "CROSS_SITE"],
      ["publish", "POST", "", {}, 415, "UNSUPPORTED_MEDIA_TYPE"],
      ["publish", "PUT", "?msg=x", {}, 405, "METHOD_NOT_ALLOWED"],
      ["stream", "GET", `?channel=${"a/".repeat(20)}*`, {}, 400, "PATTERN_TOO_DEEP"],
      ["publish", "GET", "?msg=x&key=", {}, 400, "INVALID_KEY"],
      ["publish", "GET", "?msg=x&id=", {}, 400, "INVALID_ID"],
      ["publish", "GET", "?msg=x", { "Sec-Fetch-Site": "cross-site" }, 403, "CROSS_SITE"],
      ["publish", "GET", "?msg=x", { Referer: "http://evil.example/" }, 403, "CROSS_SITE"],
    ] as const)(
      "%s %s %s with %o is %i %s",
      async (route, method, query, headers, status, code) => {
        const url = (route === "stream" ? surface.streamUrl : surface.publishUrl) + query;
        const response = await fetch(url, { method, headers });
        expect(response.status).toBe(status);
        expect(response.headers.get("content-type")).toBe("application/problem+json");
        expect(await response.json()).toMatchObject({
          type: expect.stringMatching(`^https://.+/docs/errors/${code}\\.md$`),
          status,
          code,
          detail: expect.any(String),
        });
      },
    );

    test.each([
      ["no JSON", '{"data":', {}, 400, "MALFORMED_BODY"],
      ["no data", "{}", {}, 400, "MALFORMED_BODY"],
      ["an unknown field", '{"data":1,"chanel":"a"}', {}, 400, "MALFORMED_BODY"],
      ["a pattern", '{"data":1,"channel":"a/*"}', {}, 400, "INVALID_CHANNEL"],
      ["a reserved event", '{"data":1,"event":"bye"}', {}, 400, "INVALID_EVENT_NAME"],
      ["too much", `{"data":"${"x".repeat(300_000)}"}`, {}, 413, "MESSAGE_TOO_LARGE"],
      ["far too much", `{"data":"${"x".repeat(2_000_000)}"}`, {}, 413, "MESSAGE_TOO_LARGE"],
      ["a batch with a bad message", '[{"data":1},{"data":1,"key":""}]', {}, 400, "INVALID_KEY"],
      [
        "too large a batch",
        `[${'{"data":1},'.repeat(1000)}{"data":1}]`,
        {},
        413,
        "BATCH_TOO_LARGE",
      ],
      ["gzip", "{}", { "Content-Encoding": "gzip" }, 415, "UNSUPPORTED_MEDIA_TYPE"],
      ["a form", "data=1", { "Content-Type": "text/plain" }, 415, "UNSUPPORTED_MEDIA_TYPE"],
    ] as const)(
      "a POST of %s is rejected, and nothing is published",
      async (_, body, own, status, code) => {
        const name = channel();
        await using open = await openStream(stream(`channel=${name}&channel=default&channel=a`));
        await open.next("hello");
        const headers = { "Content-Type": "application/json", ...own };
        const response = await fetch(surface.publishUrl, { method: "POST", body, headers });
        expect(response.status).toBe(status);
        expect(response.headers.get("content-type")).toBe("application/problem+json");
        expect(await response.json()).toMatchObject({ status, code });
        await publish("only", { channel: name });
        expect((await open.next()).json()).toBe("only");
      },
    );

    test("a client that sends all of its large body before it reads gets the refusal, not a reset", async () => {
      const { hostname, port, pathname } = new URL(surface.publishUrl);
      await using client = await rawClient(Number(port));
      const size = 4_000_000;
      client.send(
        `POST ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Type: application/json\r\nContent-Length: ${size}\r\n\r\n`,
      );
      const chunk = "x".repeat(50_000);
      for (let sent = 0; sent < size; sent += chunk.length) {
        await new Promise((resolve) => client.socket.write(chunk, resolve));
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(await client.until("MESSAGE_TOO_LARGE")).toMatch(/^HTTP\/1\.1 413 /);
    });

    test("a refused stream names the invalid channels", async () => {
      const response = await fetch(stream("channel=ok&channel=a*b&channel=%00"));
      expect(await response.json()).toMatchObject({
        code: "INVALID_CHANNEL",
        channels: ["a*b", "\0"],
      });
    });

    test("the response to a wrong method lists the allowed ones", async () => {
      for (const url of [surface.streamUrl, surface.publishUrl]) {
        const response = await fetch(url, { method: "DELETE" });
        expect(response.headers.get("allow")).toContain("GET");
      }
    });

    test("HEAD on publish publishes nothing", async () => {
      const name = channel();
      const url = `${surface.publishUrl}?msg=x&channel=${name}`;
      expect((await fetch(url, { method: "HEAD" })).status).toBe(405);
      await publish("only", { channel: name });
      await using open = await openStream(stream(`channel=${name}&from=earliest`));
      expect((await open.next("message")).json()).toBe("only");
    });

    test("a client that resets its connection is cleaned up at once", async () => {
      await untilNobodyIsLeft();
      const open = await openStream(stream(`channel=${channel()}`));
      await open.next("hello");
      expect(await connections()).toBe(1);
      open.destroy();
      await untilNobodyIsLeft();
    });
  });
}

/** A stream from history gets a `ping` when it has received everything. */
function isNoPing({ event }: ReceivedEvent): boolean {
  return event !== "ping";
}
