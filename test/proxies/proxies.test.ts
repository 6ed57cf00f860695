import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { startCaddy } from "../support/caddy.ts";
import { openStream } from "../support/event-stream.ts";
import { health, publish } from "../support/http-api.ts";
import { startHaproxy } from "../support/haproxy.ts";
import type { NextServer } from "../support/next-server.ts";
import { startNginx } from "../support/nginx.ts";
import { quantile } from "../support/quantile.ts";
import { LIVELY_HEARTBEAT_MS as heartbeatMs } from "../support/test-app-files.ts";
import { builtTestApp, type TestApp } from "../support/test-app.ts";
import { startVarnish } from "../support/varnish.ts";
import { waitFor } from "../support/wait-for.ts";

// The delay that a proxy adds: for three in four events less than the first, for all less
// than the second. A busy machine may delay some; a proxy that buffers delays every one, until a
// heartbeat flushes it or for seconds.
const promptMs = 100;
const latestMs = 2_000;

let testApp: TestApp;
let app: NextServer;

interface ProxyCase {
  readonly name: string;
  readonly start: (upstreamPort: number) => Promise<Proxy>;
  /** @default promptMs */
  readonly promptMs?: number;
}

const proxies: readonly ProxyCase[] = [
  { name: "nginx with buffering and gzip on, HTTP/1.0 to the app", start: startNginx },
  {
    name: "nginx with buffering and gzip on, HTTP/1.1 to the app, cut after 2 s of silence",
    start: async (port) =>
      startNginx(port, { httpVersion: "1.1", location: "proxy_read_timeout 2s;" }),
  },
  {
    name: "HAProxy at its defaults",
    start: startHaproxy,
    // It waits up to 200 ms for more to send; `option http-no-delay`, below, prevents that.
    promptMs: 300,
  },
  {
    name: "HAProxy with option http-no-delay, cut after 2 s of silence",
    start: async (port) =>
      startHaproxy(port, { defaults: "option http-no-delay\n  timeout server 2s" }),
  },
  { name: "Caddy", start: startCaddy },
  {
    name: "Caddy with encode gzip",
    start: async (port) => startCaddy(port, { site: "encode gzip" }),
  },
  { name: "Varnish at its defaults", start: startVarnish },
  {
    name: "Varnish that passes streams",
    start: async (port) => startVarnish(port, { streams: "pass" }),
  },
  {
    name: "Varnish that pipes streams",
    start: async (port) => startVarnish(port, { streams: "pipe" }),
  },
  { name: "the rewrites of another Next app, compression on", start: startFront },
];

/** The proxy in front of the app: `${url}/api/lively` leads to the app's stream. */
interface Proxy extends AsyncDisposable {
  readonly url: string;
}

beforeAll(async () => {
  testApp = await builtTestApp();
  // Only the last case requests the path that leads there.
  app = await testApp.start({ port: testApp.throughPort, env: { SSE_BUS_OPEN_PUBLISH: "1" } });
}, 500_000);

afterAll(async () => {
  await app?.[Symbol.asyncDispose]();
});

describe.each(proxies)("behind $name", ({ name, start, promptMs: bound = promptMs }) => {
  let proxy: Proxy;

  beforeAll(async () => {
    // The last test of each proxy stops it.
    await app.start();
    // Next.js loads a route's code at its first request, which exceeds the timeout of some proxies.
    await (await openStream(`${app.url}/api/lively`))[Symbol.asyncDispose]();
    proxy = await start(app.port);
  });

  afterAll(async () => proxy?.[Symbol.asyncDispose]());

  test.each([
    { encoding: "identity", gzip: false },
    { encoding: "gzip, as browsers request", gzip: true },
  ])("each event arrives immediately (Accept-Encoding: $encoding)", async ({ gzip }) => {
    await using stream = await openStream(`${proxy.url}/api/lively`, { gzip });
    await using direct = await openStream(`${app.url}/api/lively`, { gzip });
    for (const each of [stream, direct]) await each.next("hello");
    const lags: number[] = [];
    for (let n = 0; n < 20; n += 1) {
      // One at a time: later events would flush one that is held back.
      await publish(app.url, { data: n });
      const [through, past] = await Promise.all([stream.next("message"), direct.next("message")]);
      expect([through.json(), past.json()]).toEqual([n, n]);
      lags.push(through.receivedAt - past.receivedAt);
    }
    const [median, most] = [quantile(lags, 0.5).toFixed(1), quantile(lags, 1).toFixed(1)];
    console.log(`${name}: lag more by ${median} ms in the median, ${most} ms at most`);
    expect(quantile(lags, 0.75)).toBeLessThan(bound);
    expect(quantile(lags, 1)).toBeLessThan(latestMs);
  });

  test("a burst arrives completely and in order", async () => {
    await using stream = await openStream(`${proxy.url}/api/lively?channel=burst`, { gzip: true });
    await stream.next("hello");
    const count = 100;
    const padding = "x".repeat(8_000);
    const sent: string[] = [];
    for (let n = 0; n < count; n += 1) {
      sent.push((await publish(app.url, { channel: "burst", data: { n, padding } })).id);
    }
    const received: (string | undefined)[] = [];
    while (received.length < count) received.push((await stream.next("message")).id);
    expect(received).toEqual(sent);
    expect(stream.events.filter(({ event }) => event === "gap")).toEqual([]);
  });

  test("readers that disconnect are no longer counted after two heartbeats", async () => {
    const streams = await Promise.all(
      Array.from({ length: 10 }, async () => openStream(`${proxy.url}/api/lively?channel=quiet`)),
    );
    await Promise.all(streams.map(async (stream) => stream.next("hello")));
    await waitFor("all to be counted", async () => (await health(app.url)).connections === 10);
    const left = now();
    for (const stream of streams) stream.destroy();
    // A proxy may notice only when it writes: the next heartbeat, and its response.
    const timeoutMs = 2 * heartbeatMs + 2_000;
    await waitFor("none to be left", async () => (await health(app.url)).connections === 0, {
      timeoutMs,
    });
    console.log(`${name}: departures noticed after ${(now() - left).toFixed(0)} ms`);
  });

  test("heartbeats keep a quiet stream open", async () => {
    await using stream = await openStream(`${proxy.url}/api/lively?channel=quiet`, { gzip: true });
    // Longer than the proxy's idle timeout, if one is set.
    for (let ping = 0; ping < 5; ping += 1) await stream.next("ping");
    expect(stream.events.map(({ event }) => event)).not.toContain("bye");
  });

  test("a reader that reconnects with Last-Event-ID gets what it missed, then continues live", async () => {
    const url = `${proxy.url}/api/lively?channel=resume`;
    let lastEventId: string;
    {
      await using stream = await openStream(url);
      await stream.next("hello");
      await send(1);
      await send(2);
      await stream.next(({ data }) => data === "1");
      await stream.next(({ data }) => data === "2");
      lastEventId = stream.lastEventId;
    }
    for (const n of [3, 4, 5]) await send(n);

    await using stream = await openStream(url, { lastEventId });
    expect(JSON.parse((await stream.next("hello")).data)).toMatchObject({ resumed: true });
    for (const n of [3, 4, 5]) expect((await stream.next("message")).data).toBe(String(n));
    await send(6);
    expect((await stream.next("message")).data).toBe("6");
    expect(stream.events.map(({ event }) => event)).not.toContain("gap");
  });

  test("a draining app sends `bye`, ends the stream, and exits", async () => {
    await using stream = await openStream(`${proxy.url}/api/lively`);
    await stream.next("hello");
    const stopped = now();
    await app.stop();
    const exitMs = now() - stopped;
    expect(JSON.parse((await stream.next("bye")).data)).toMatchObject({ reason: "drain" });
    expect(await stream.closed).toBe("end");
    console.log(`${name}: the app exited ${exitMs.toFixed(0)} ms after SIGTERM`);
    // With a wait for idle connections it would take 5 s.
    expect(exitMs).toBeLessThan(4_500);
  });
});

async function startFront(): Promise<Proxy> {
  const front = await testApp.start();
  return {
    url: `${front.url}/through`,
    [Symbol.asyncDispose]: async () => front[Symbol.asyncDispose](),
  };
}

const now = (): number => performance.timeOrigin + performance.now();

const send = async (data: number): Promise<unknown> =>
  publish(app.url, { channel: "resume", data });
