import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rawClient } from "../support/raw-client.ts";
import { health } from "../support/http-api.ts";
import { type EventStream, openStream } from "../support/event-stream.ts";
import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";
import { heapReporterArgs, serverMemory } from "../support/server-heap.ts";
import { waitFor } from "../support/wait-for.ts";

const MEGABYTE = 1_048_576;

let app: NextServer;
beforeAll(async () => {
  app = await startDemo({ env: { SSE_BUS_OPEN_PUBLISH: "1" }, nodeArgs: heapReporterArgs });
  // Everything is compiled and warm before the measurement.
  await (await openStream(`${app.url}/api/sse`))[Symbol.asyncDispose]();
  await post('{"data":1}');
});
afterAll(async () => {
  await app?.[Symbol.asyncDispose]();
});

async function post(body: BodyInit, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${app.url}/api/publish`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body,
  });
}

async function codeOf(response: Response): Promise<unknown> {
  return ((await response.json()) as { code?: unknown }).code;
}

const untilNobodyIsLeft = (): Promise<unknown> =>
  waitFor("no stream to be left", async () => {
    const { connections, channels } = await health(app.url);
    return connections + channels === 0;
  });

async function openSockets(count: number): Promise<Socket[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const socket = connect(app.port, "127.0.0.1");
      await once(socket, "connect");
      return socket.on("error", () => {});
    }),
  );
}

test("slow headers (slowloris): 500 incomplete requests use little memory, and others are served", async () => {
  const before = await serverMemory(app);
  const sockets = await openSockets(500);
  for (const socket of sockets) socket.write("GET /api/sse HTTP/1.1\r\nHost: localhost\r\nX-A: ");
  await using stream = await openStream(`${app.url}/api/sse`);
  await stream.next("hello");
  for (let round = 0; round < 10; round++) {
    for (const socket of sockets) socket.write("a");
    await post(`{"data":${round}}`);
    expect((await stream.next()).json()).toBe(round);
  }
  expect((await serverMemory(app)) - before).toBeLessThan(15 * MEGABYTE);
  expect(await health(app.url)).toMatchObject({ connections: 1 });
  for (const socket of sockets) socket.destroy();
});

test("slow bodies: a POST without an end gets a 408, and its connection is closed", async () => {
  await using raw = await rawClient(app.port);
  raw.send(
    "POST /api/publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n",
  );
  raw.send('{"data":"');
  // Otherwise one byte a second would hold the request for the five minutes of Node.js.
  const drip = setInterval(() => raw.send("x"), 1000);
  // The head and the body of the response may arrive separately.
  const isAnswered = (): boolean => raw.text().includes("REQUEST_TIMEOUT");
  await waitFor("the answer", isAnswered, { timeoutMs: 25_000 });
  clearInterval(drip);
  expect(raw.text()).toMatch(/^HTTP\/1\.1 408 /);
  await raw.ended;
}, 40_000);

test("an endless chunked body is rejected while it arrives, and its sender is disconnected", async () => {
  const before = await serverMemory(app);
  const [socket] = (await openSockets(1)) as [Socket];
  let answer = "";
  let isEnded = false;
  socket.on("data", (chunk: Buffer) => (answer += chunk.toString("latin1")));
  socket.on("close", () => (isEnded = true));
  socket.write(
    "POST /api/publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
  );
  const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`;
  let sent = 0;
  while (!isEnded && sent < 200 * MEGABYTE) {
    sent += chunk.length;
    if (socket.write(chunk)) await new Promise((resolve) => setImmediate(resolve));
    else await Promise.race([once(socket, "drain"), once(socket, "close")]).catch(() => {});
  }
  expect(isEnded, `${sent} bytes were taken`).toBe(true);
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  expect((await serverMemory(app)) - before).toBeLessThan(10 * MEGABYTE);
});

describe("bodies that cost more than their size", () => {
  test("a declared length beyond the limit is rejected before the body arrives", async () => {
    await using raw = await rawClient(app.port);
    raw.send(
      "POST /api/publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 4000000000\r\n\r\n",
    );
    expect(await raw.until("MESSAGE_TOO_LARGE")).toMatch(/^HTTP\/1\.1 413 /);
    await raw.ended;
  });

  test("deep nesting is rejected immediately, also around many objects", async () => {
    const depth = 1000;
    const wide = Array.from({ length: 400_000 }, () => "{}").join(",");
    const bodies: [string, number, string][] = [
      [`{"data":${"[".repeat(700_000)}`, 400, "INVALID_DATA"],
      [`{"data":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, 400, "INVALID_DATA"],
      [`{"data":${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}}`, 400, "INVALID_DATA"],
      [`{"data":${"[".repeat(depth)}1${"]".repeat(depth)}}`, 200, ""],
      [
        `{"data":${"[".repeat(depth - 2)}[${wide}]${"]".repeat(depth - 2)}}`,
        413,
        "MESSAGE_TOO_LARGE",
      ],
    ];
    for (const [body, status, code] of bodies) {
      const started = performance.now();
      const response = await post(body);
      expect(response.status, body.slice(0, 40)).toBe(status);
      if (status !== 200) expect(await codeOf(response)).toBe(code);
      // Generous for a busy machine; the quadratic check took several seconds for the last one.
      expect(performance.now() - started, body.slice(0, 40)).toBeLessThan(3000);
    }
  });

  test("a compressed bomb is rejected without decompression", async () => {
    const before = await serverMemory(app);
    const bomb = gzipSync(Buffer.alloc(100 * MEGABYTE, "x"));
    expect(bomb.length).toBeLessThan(MEGABYTE);
    for (const encoding of ["gzip", "deflate", "br", "gzip, gzip", "x-unknown"]) {
      const response = await post(new Uint8Array(bomb), { "Content-Encoding": encoding });
      expect(response.status, encoding).toBe(415);
      expect(response.headers.get("accept-encoding")).toBe("identity");
    }
    expect((await serverMemory(app)) - before).toBeLessThan(5 * MEGABYTE);
  });
});

describe("many channels", () => {
  const name = (client: number, n: number): string =>
    `c${client}/${n}/`.padEnd(120, "abcdefghij").slice(0, 120);

  test("too many in one request are refused, and so are headers with thousands", async () => {
    const few = Array.from({ length: 101 }, (_, n) => `channel=${n}`).join("&");
    expect(await codeOf(await fetch(`${app.url}/api/sse?${few}`))).toBe("TOO_MANY_CHANNELS");
    const many = Array.from({ length: 3000 }, (_, n) => `channel=${n}`).join("&");
    expect((await fetch(`${app.url}/api/sse?${many}`)).status).toBe(431);
  });

  test("100 streams of 100 different channels each use limited memory and leak nothing", async () => {
    await untilNobodyIsLeft();
    const before = await serverMemory(app);
    const streams: EventStream[] = [];
    for (let client = 0; client < 100; client++) {
      const query = Array.from({ length: 100 }, (_, n) => `channel=${name(client, n)}`).join("&");
      streams.push(await openStream(`${app.url}/api/sse?${query}`));
    }
    expect(await health(app.url)).toMatchObject({ connections: 100, channels: 10_000 });
    const open = await serverMemory(app);
    // Includes a hundredth of the connection itself, and the 13 KB of its address.
    expect((open - before) / 10_000, "bytes per channel").toBeLessThan(6144);
    await Promise.all(streams.map((stream) => stream[Symbol.asyncDispose]()));
    await untilNobodyIsLeft();
    expect((await serverMemory(app)) - before).toBeLessThan(3 * MEGABYTE);
  });
});

describe("pattern bombs", () => {
  test.each([
    ["deep", "*/".repeat(99) + "*", "PATTERN_TOO_DEEP"],
    ["deep with an open end", "a/".repeat(90) + "**", "PATTERN_TOO_DEEP"],
    ["of stars", "*".repeat(200), "INVALID_CHANNEL"],
    ["of two kinds", "**/**", "INVALID_CHANNEL"],
  ])("one that is %s is refused", async (_, pattern, code) => {
    expect(await codeOf(await fetch(`${app.url}/api/sse?channel=${pattern}`))).toBe(code);
  });

  test("as many and as deep as allowed use little memory and do not slow publishing", async () => {
    await untilNobodyIsLeft();
    const before = await serverMemory(app);
    const streams: EventStream[] = [];
    for (let client = 0; client < 100; client++) {
      // Each of them covers the channel published below, and shares no branch with another.
      const query = Array.from({ length: 10 }, (_, n) => {
        const bits = (client * 10 + n).toString(2).padStart(10, "0");
        const start = bits.replaceAll("1", "*/").replaceAll("0", "s/");
        return `channel=${start}*/*/*/*/*/*`;
      }).join("&");
      streams.push(await openStream(`${app.url}/api/sse?${query}`));
    }
    expect((await serverMemory(app)) - before).toBeLessThan(100 * 200 * 1024);
    const channel = Array.from({ length: 16 }, () => "s").join("/");
    const started = performance.now();
    for (let n = 0; n < 20; n++) await post(JSON.stringify({ data: n, channel }));
    expect((performance.now() - started) / 20, "ms per publish").toBeLessThan(250);
    for (const stream of streams.slice(0, 5)) {
      for (let n = 0; n < 20; n++) expect((await stream.next("message")).json()).toBe(n);
    }
    await Promise.all(streams.map((stream) => stream[Symbol.asyncDispose]()));
    await untilNobodyIsLeft();
  });
});

test("a flood of channels: total history stays within its limit, and the newest messages are kept", async () => {
  const before = await serverMemory(app);
  const text = "x".repeat(200_000);
  for (let n = 0; n < 600; n++) {
    const data = { n, text };
    expect((await post(JSON.stringify({ data, channel: `flood/${n}` }))).status).toBe(200);
  }
  const metrics = await (await fetch(`${app.url}/api/metrics`)).text();
  const held = Number(/^sse_bus_history_bytes\{holder="backend"\} (\d+)$/m.exec(metrics)?.[1]);
  expect(held).toBeGreaterThan(32 * MEGABYTE);
  expect(held).toBeLessThanOrEqual(64 * MEGABYTE);
  expect((await serverMemory(app)) - before).toBeLessThan(80 * MEGABYTE);
  await using newest = await openStream(`${app.url}/api/sse?channel=flood/599&from=earliest`);
  expect((await newest.next("message")).json()).toMatchObject({ n: 599 });
}, 60_000);
