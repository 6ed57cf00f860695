import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStream } from "../support/event-stream.ts";
import { publish } from "../support/http-api.ts";
import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";
import { builtTestApp, type TestApp } from "../support/test-app.ts";
import { waitFor } from "../support/wait-for.ts";
import { countSinks, startCustom } from "./direct-app.ts";
import { rawClient, takeResponse } from "../support/raw-client.ts";

let testApp: TestApp;
let app: NextServer;

beforeAll(async () => {
  testApp = await builtTestApp();
  app = await testApp.start({ env: { SSE_BUS_OPEN_PUBLISH: "1" } });
}, 500_000);

afterAll(async () => {
  await app?.[Symbol.asyncDispose]();
});

/** Fails if the supported Next.js no longer allows the fast path. Users would lose only speed. */
async function expectSink(server: NextServer, kind: "direct" | "web") {
  // `next start` runs instrumentation.ts within its first request, which is too early for the fast path.
  await countSinks(server.url);
  const channel = `sink/${crypto.randomUUID()}`;
  await using stream = await openStream(`${server.url}/api/sse?channel=${channel}`, { gzip: true });
  await stream.next("hello", { timeoutMs: 60_000 });
  await publish(server.url, { data: "first", channel });
  expect((await stream.next("message")).json()).toBe("first");
  expect(await countSinks(server.url)).toEqual({ direct: 0, web: 0, [kind]: 1 });
  for (const data of ["second", "é".repeat(50_000), "third"]) {
    await publish(server.url, { data, channel });
    expect((await stream.next("message")).json()).toBe(data);
  }
  await stream[Symbol.asyncDispose]();
  await untilNobodyIsLeft(server);
  return stream.headers;
}

async function untilNobodyIsLeft(server: NextServer): Promise<void> {
  await waitFor(
    "no stream to be left",
    async () => {
      const { direct, web } = await countSinks(server.url);
      return direct + web === 0;
    },
    { timeoutMs: 20_000 },
  );
}

describe("frames are written directly to the socket", () => {
  test("under next start, with compression on", async () => {
    await using server = await startDemo({ env: { SSE_BUS_OPEN_PUBLISH: "1" } });
    const headers = await expectSink(server, "direct");
    expect(headers["content-encoding"]).toBeUndefined();
  });

  test("in the standalone build, behind a proxy.ts that matches the stream", async () => {
    const headers = await expectSink(app, "direct");
    expect(headers["x-proxied"]).toBe("yes");
  });

  test("behind a custom server", async () => {
    await using server = await startCustom(testApp, "http");
    await expectSink(server, "direct");
  });
});

test("a route that compresses answers with gzip, and Next.js does not compress it again", async () => {
  const url = `${app.url}/api/compressed?channel=compressed`;
  await using stream = await openStream(url, { gzip: true });
  await stream.next("hello");
  expect(stream.headers["content-encoding"]).toBe("gzip");
  expect(stream.headers["vary"]).toContain("Accept-Encoding");
  for (const data of ["first", "é".repeat(50_000), "third"]) {
    await publish(app.url, { data, channel: "compressed" });
    expect((await stream.next("message")).json()).toBe(data);
  }
});

describe("frames stay in the web stream", () => {
  test("if the environment disables the direct sink", async () => {
    await using server = await startDemo({
      env: { SSE_BUS_OPEN_PUBLISH: "1", SSE_BUS_SINK: "web" },
    });
    await expectSink(server, "web");
  });

  test("if a custom server compresses the body", async () => {
    await using server = await startCustom(testApp, "gzip");
    await expectSink(server, "web");
  });

  test("if the route transforms the body", async () => {
    const channel = `sink/${crypto.randomUUID()}`;
    await using stream = await openStream(`${app.url}/api/wrapped?channel=${channel}`);
    await stream.next("hello");
    for (let count = 0; count < 3; count++) {
      await publish(app.url, { data: "a secret", channel });
      expect((await stream.next("message")).json()).toBe("a ******");
    }
    expect(await countSinks(app.url)).toEqual({ direct: 0, web: 1 });
    await stream[Symbol.asyncDispose]();
    await untilNobodyIsLeft(app);
  });

  test("if a route reads a stream itself and returns another response", async () => {
    const channel = `sink/${crypto.randomUUID()}`;
    const answer = fetch(`${app.url}/api/nested?channel=${channel}`);
    await waitFor("the stream", async () => (await countSinks(app.url)).web === 1);
    await publish(app.url, { data: 1, channel });
    await publish(app.url, { data: 2, channel });
    expect(await (await answer).text()).toMatch(/^(\[\d+\]){3}$/);
    await untilNobodyIsLeft(app);
  });
});

describe("the bytes on the wire", () => {
  const get = (path: string, version = "1.1", headers = ""): string =>
    `GET ${path} HTTP/${version}\r\nHost: localhost\r\n${headers}\r\n`;

  test("HTTP/1.1 is chunked to its end, and the connection serves the next request", async () => {
    await using client = await rawClient(app.port);
    client.send(get("/api/health"));
    const before = await client.until(/"status":"ok"[^]*\r\n0\r\n\r\n$/);
    client.send(get("/api/brief?channel=wire/1"));
    await client.until("event: hello");
    await waitFor("the fast path", async () => (await countSinks(app.url)).direct === 1);
    await publish(app.url, { data: "one", channel: "wire/1" });
    await client.until(/event: bye[^]*\r\n0\r\n\r\n$/);
    const { head, body, rest } = takeResponse(client.text().slice(before.length));
    expect(head).toMatch(/transfer-encoding: chunked/i);
    expect(body).toMatch(/^retry: 2000\nid: .*\nevent: hello\n/);
    expect(body).toMatch(/\nevent: bye\ndata: \{"reason":"lifetime","retryMs":\d+\}\n\n$/);
    expect(rest).toBe("");
    const length = client.text().length;
    client.send(get("/api/health"));
    await waitFor("the next response", () => client.text().slice(length).includes('"status":"ok"'));
    expect(takeResponse(client.text().slice(length)).head).toMatch(/^HTTP\/1\.1 200/);
  });

  test("HTTP/1.0 is not chunked, and ends with the connection", async () => {
    await using client = await rawClient(app.port);
    client.send(get("/api/brief?channel=wire/2", "1.0"));
    await client.until("event: hello");
    await waitFor("the fast path", async () => (await countSinks(app.url)).direct === 1);
    await publish(app.url, { data: "one", channel: "wire/2" });
    await client.ended;
    const { head, body } = takeResponse(client.text());
    expect(head).not.toMatch(/transfer-encoding/i);
    expect(body).toMatch(/^retry: 2000\nid: /);
    expect(body).toMatch(/\n\nid: [^\n]+@wire\/2\ndata: "one"\n\n/);
    expect(body).toMatch(/\nevent: bye\ndata: [^\n]+\n\n$/);
  });

  test("a pipelined request is answered after the stream, and not within it", async () => {
    await using client = await rawClient(app.port);
    client.send(get("/api/brief?channel=wire/3") + get("/api/health"));
    await client.until("event: hello");
    for (let count = 0; count < 5; count++) {
      await publish(app.url, { data: count, channel: "wire/3" });
    }
    await client.until('"status":"ok"');
    const { body, rest } = takeResponse(client.text());
    expect(body.match(/^data: \d$/gm)).toEqual([0, 1, 2, 3, 4].map((count) => `data: ${count}`));
    expect(takeResponse(rest).head).toMatch(/^HTTP\/1\.1 200/);
  });

  test("a stream pipelined behind another request comes after its response", async () => {
    await using client = await rawClient(app.port);
    client.send(get("/api/health") + get("/api/brief?channel=wire/4"));
    await client.until("event: hello");
    await publish(app.url, { data: "one", channel: "wire/4" });
    await client.until(/event: bye[^]*\r\n0\r\n\r\n$/);
    const first = takeResponse(client.text());
    expect(JSON.parse(first.body)).toMatchObject({ status: "ok" });
    expect(takeResponse(first.rest).body).toContain('data: "one"');
  });
});

describe.each(["direct", "web"] as const)("a client that reads nothing, %s sink", (kind) => {
  const sse = kind === "web" ? { SSE_BUS_SINK: "web" } : {};

  test("gets `bye` with the reason slow, and is disconnected if it does not read that either", async () => {
    await using server = await testApp.start({ env: { SSE_BUS_OPEN_PUBLISH: "1", ...sse } });
    await countSinks(server.url);
    const channel = "slow/1";
    await using stream = await openStream(`${server.url}/api/strict?channel=${channel}`);
    await stream.next("hello");
    await publish(server.url, { data: "first", channel });
    await stream.next("message");
    // Before the flood, which may take a busy machine longer than the client's time limit.
    expect(await countSinks(server.url)).toMatchObject({ [kind]: 1 });
    stream.pause();
    await flood(server, channel, 12_000_000);
    await untilNobodyIsLeft(server);
    // Longer than the five seconds that a slow client has for `bye`, and a busy machine's delay: a client
    // does not notice that the server has closed the connection.
    await new Promise((resolve) => setTimeout(resolve, 7_500));
    stream.resume();
    expect(await stream.closed).toBe("cut");
    expect(stream.events.map(({ event }) => event)).not.toContain("bye");
  });

  test("does not keep a server from exiting", async () => {
    await using server = await testApp.start({ env: { SSE_BUS_OPEN_PUBLISH: "1", ...sse } });
    await countSinks(server.url);
    const channel = "slow/2";
    await using stream = await openStream(`${server.url}/api/sse?channel=${channel}`);
    await stream.next("hello");
    stream.pause();
    await flood(server, channel, 12_000_000);
    const started = performance.now();
    server.process.signal("SIGTERM");
    await server.process.exited;
    // Only the time limit for `bye` ends it: a server that waited for the client would not exit.
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});

/** More than the kernel's buffers take on both sides. */
async function flood(server: NextServer, channel: string, bytes: number): Promise<void> {
  const data = "x".repeat(100_000);
  for (let sent = 0; sent < bytes; sent += data.length) {
    await publish(server.url, { data, channel });
  }
}
