import { afterAll, beforeAll, expect, test } from "vitest";
import { type EventStream, openStream } from "../support/event-stream.ts";
import { publish } from "../support/http-api.ts";
import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";
import { heapReporterArgs, serverHeap } from "../support/server-heap.ts";
import { builtTestApp } from "../support/test-app.ts";
import { waitFor } from "../support/wait-for.ts";
import { countSinks } from "./direct-app.ts";

let app: NextServer;

beforeAll(async () => {
  app = await (await builtTestApp()).start({ env: { SSE_BUS_OPEN_PUBLISH: "1" } });
  // `next start` runs instrumentation.ts within its first request.
  await countSinks(app.url);
}, 500_000);

afterAll(async () => app?.[Symbol.asyncDispose]());

/** Fails if the supported Next.js no longer releases requests. Users would lose only memory. */
test("Next.js keeps almost nothing of a stream that is written directly to the socket", async () => {
  const direct = await heapOfStream({});
  const web = await heapOfStream({ SSE_BUS_SINK: "web" });
  console.log(`heap of a stream: direct ${kb(direct)}, through Next ${kb(web)}`);
  expect(web).toBeGreaterThan(40_000);
  expect(direct).toBeLessThan(0.3 * web);
});

test("a route that waits for the end of its request sees it when the client disconnects, and not before", async () => {
  const present = async () => (await fetch(`${app.url}/api/watched?count`)).json();
  const stream = await openStream(`${app.url}/api/watched?channel=watched`);
  await stream.next("hello");
  await hears(stream, "watched");
  expect(await present()).toBe(1);
  expect(await countSinks(app.url)).toEqual({ direct: 1, web: 0 });
  await stream[Symbol.asyncDispose]();
  await waitFor("it to hear", async () => (await present()) === 0);
  await untilNobodyIsLeft();
});

test("a permission is renewed with a request whose client is connected", async () => {
  await using stream = await openStream(`${app.url}/api/private?answer=renews&channel=renewed`);
  await stream.next("hello");
  // Each lasts for half a second.
  for (let pings = 0; pings < 5; pings++) await stream.next("ping");
  await hears(stream, "renewed");
  expect(await countSinks(app.url)).toEqual({ direct: 1, web: 0 });
  expect(stream.events.map(({ event }) => event)).not.toContain("bye");
  await stream[Symbol.asyncDispose]();
  await untilNobodyIsLeft();
});

test("a client that disconnects later is no longer counted, however it disconnects", async () => {
  const streams = await openMany(app, 20);
  for (const [n, stream] of streams.entries()) {
    if (n % 2 === 0) await stream[Symbol.asyncDispose]();
    else stream.pause();
  }
  await waitFor(
    "ten to be no longer counted",
    async () => (await countSinks(app.url)).direct === 10,
  );
  await Promise.all(streams.map(async (stream) => stream[Symbol.asyncDispose]()));
  await untilNobodyIsLeft();
});

async function heapOfStream(env: Record<string, string>): Promise<number> {
  await using server = await startDemo({ env, nodeArgs: heapReporterArgs });
  await countSinks(server.url);
  // The first ones compile code and fill caches.
  for (const stream of await openMany(server, 200)) await stream[Symbol.asyncDispose]();
  await waitFor("them to be closed", async () => {
    const { direct, web } = await countSinks(server.url);
    return direct + web === 0;
  });
  const before = await serverHeap(server);
  const streams = await openMany(server, 200);
  const heap = ((await serverHeap(server)) - before) / streams.length;
  for (const stream of streams) await stream[Symbol.asyncDispose]();
  return heap;
}

async function openMany(server: NextServer, count: number): Promise<EventStream[]> {
  const streams = await Promise.all(
    Array.from({ length: count }, async () => openStream(`${server.url}/api/sse`)),
  );
  for (const stream of streams) await stream.next("hello");
  return streams;
}

async function hears(stream: EventStream, channel: string): Promise<void> {
  await publish(app.url, { data: "there", channel });
  expect((await stream.next("message")).json()).toBe("there");
}

async function untilNobodyIsLeft(): Promise<void> {
  await waitFor("no stream to be left", async () => (await countSinks(app.url)).direct === 0);
}

function kb(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KB`;
}
