import { request } from "node:http";
import { describe, expect, test } from "vitest";
import { rawClient } from "../support/raw-client.ts";
import { health } from "../support/http-api.ts";
import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";
import { heapReporterArgs, serverMemory } from "../support/server-heap.ts";
import { waitFor } from "../support/wait-for.ts";
import { openSequence, type SequenceReader } from "./sequence-reader.ts";

const MEGABYTE = 1_048_576;
const MESSAGES = 1000;
/** The size of history, beyond which the flood is dropped. */
const WARM_UP = 250;
/** The largest lag of the flood's readers, in messages: fewer than history keeps. */
const MAX_BEHIND = 20;
const pad = "x".repeat(200 * 1024);
/**
 * The number of the 999 other readers that read the same 200 MB; the rest read another channel.
 * For all of them it is 250 GB over loopback: `FLOOD_READERS=999` takes many minutes.
 */
const FLOOD_READERS = Number(process.env.FLOOD_READERS ?? 4);
const CALM_READERS = 999 - FLOOD_READERS;
/** One message to the other channel for this many messages of the flood. */
const CALM_EVERY = 20;
const KEYS = 20;

describe.each(["direct", "web"] as const)("one of 1,000 clients stops reading, %s sink", (kind) => {
  test("200 MB cost it nothing, the others lose nothing, and it gets one gap when it reads again", async () => {
    await using app = await start(kind);
    const publish = publisher(app);
    const flood = await openMany(`${app.url}/api/sse?channel=flood`, FLOOD_READERS);
    const calm = await openMany(`${app.url}/api/sse?channel=calm`, CALM_READERS);
    let n = 0;
    async function publishFlood(messages: number): Promise<void> {
      for (const end = n + messages; n < end; n++) {
        await publish("flood", { n, key: n % KEYS, pad });
        // The same values, with a key, so that newer ones supersede older ones.
        await publish("keyed", { n, key: n % KEYS, pad: pad.slice(0, 20_000) }, `k${n % KEYS}`);
        if (n % CALM_EVERY === 0) await publish("calm", { n: n / CALM_EVERY, key: 0 });
        // This process reads for all of them: otherwise it would fall behind and get a gap.
        const oldest = n - MAX_BEHIND;
        await waitFor("the readers", () => flood.every((reader) => reader.last() >= oldest), {
          timeoutMs: 60_000,
        });
      }
      const last = n - 1;
      await waitFor(
        "all readers to have read everything",
        () =>
          flood.every((reader) => reader.last() === last) &&
          calm.every((reader) => reader.last() === Math.floor(last / CALM_EVERY)),
        { timeoutMs: 60_000 },
      );
    }

    // Without a stalled reader: history is full, and everything has been compiled.
    await publishFlood(WARM_UP);
    const without = await serverMemory(app);
    await using stalled = await openSequence(`${app.url}/api/sse?channel=flood`);
    await using stalledOnKeys = await openSequence(`${app.url}/api/sse?channel=keyed`);
    const first = n;
    stalled.pause();
    stalledOnKeys.pause();
    await publishFlood(MESSAGES);
    const withIt = await serverMemory(app);
    expect(withIt - without, `${without} → ${withIt} bytes`).toBeLessThan(5 * MEGABYTE);

    for (const reader of [...flood, ...calm]) expectAll(reader);
    stalled.resume();
    stalledOnKeys.resume();
    const last = n - 1;
    await waitFor(
      "the stalled ones to have caught up",
      () => stalled.last() === last && stalledOnKeys.last() === last,
      { timeoutMs: 60_000 },
    );
    expectOneGap(stalled, first, last);
    expectNewestOfEachKey(stalledOnKeys, last);
    for (const reader of [...flood, ...calm]) await reader[Symbol.asyncDispose]();
  }, 1_800_000);
});

test("fifty clients that never read cost a packet each, and are disconnected in time", async () => {
  await using app = await start("direct");
  const publish = publisher(app);
  await publish("flood", { n: 0, key: 0, pad });
  const clients = await Promise.all(Array.from({ length: 50 }, () => rawClient(app.port)));
  for (const { socket, send } of clients) {
    socket.pause();
    send("GET /api/sse?channel=flood HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  await waitFor("all streams", async () => (await health(app.url)).connections === 50);
  for (let n = 1; n < 100; n++) await publish("flood", { n, key: 0, pad });
  const before = await serverMemory(app);
  for (let n = 100; n < MESSAGES; n++) await publish("flood", { n, key: 0, pad });
  const after = await serverMemory(app);
  // History may have grown by its 16 MB; 50 queues would be 9 GB.
  expect(after - before, `${before} → ${after} bytes`).toBeLessThan(20 * MEGABYTE);
  await waitFor("them to be disconnected", async () => (await health(app.url)).connections === 0, {
    timeoutMs: 60_000,
  });
  const metrics = await (await fetch(`${app.url}/api/metrics`)).text();
  expect(metrics).toContain('sse_bus_disconnects_total{reason="slow"} 50');
  // A client that reads nothing would keep its ended response, and the server's exit, forever.
  await Promise.all(clients.map(({ socket, ended }) => (socket.resume(), ended)));
  for (const client of clients) await client[Symbol.asyncDispose]();
}, 240_000);

async function start(kind: "direct" | "web"): Promise<NextServer> {
  return startDemo({
    env: { SSE_BUS_OPEN_PUBLISH: "1", ...(kind === "web" && { SSE_BUS_SINK: "web" }) },
    nodeArgs: heapReporterArgs,
  });
}

/** A new connection for each: a kept-alive one would be closed during the wait for slow readers. */
function publisher(app: NextServer) {
  return async (channel: string, data: object, key?: string): Promise<void> => {
    const body = JSON.stringify({ data, channel, key });
    await new Promise<void>((resolve, reject) => {
      const headers = { "Content-Type": "application/json" };
      request(`${app.url}/api/publish`, { method: "POST", agent: false, headers }, (response) => {
        if (response.statusCode !== 200) reject(new Error(`answered ${response.statusCode}`));
        response.resume().once("end", resolve);
      })
        .once("error", reject)
        .end(body);
    });
  };
}

async function openMany(url: string, count: number): Promise<SequenceReader[]> {
  const readers: SequenceReader[] = [];
  while (readers.length < count) {
    const batch = Array.from({ length: Math.min(50, count - readers.length) }, () =>
      openSequence(url),
    );
    readers.push(...(await Promise.all(batch)));
  }
  return readers;
}

/** All numbers from the first one on, once and in order, and nothing else. */
function expectAll({ items, last }: SequenceReader): void {
  expect(items.every(({ kind }) => kind === "message")).toBe(true);
  expect(items).toHaveLength(last() + 1);
  expect(items.every((item, index) => item.kind === "message" && item.n === index)).toBe(true);
}

/** The contents of the socket's buffers, a gap where history dropped messages, then all the rest. */
function expectOneGap({ items }: SequenceReader, first: number, last: number): void {
  const numbers = items.flatMap((item) => (item.kind === "message" ? [item.n] : []));
  const gaps = items.filter((item) => item.kind === "gap");
  expect(gaps).toHaveLength(1);
  expect(gaps[0]?.data).toMatchObject({ channels: ["flood"], reason: "evicted" });
  expect(numbers.at(-1)).toBe(last);
  const jumps = numbers.flatMap((n, index) => {
    const before = index === 0 ? first - 1 : (numbers[index - 1] as number);
    return n === before + 1 ? [] : [{ after: before, missing: n - before - 1 }];
  });
  expect(jumps).toHaveLength(1);
  expect(jumps[0]?.missing).toBeGreaterThan(0);
  if (gaps[0]?.data.count !== undefined) expect(gaps[0].data.count).toBe(jumps[0]?.missing);
  const before = items.slice(
    0,
    items.findIndex(({ kind }) => kind === "gap"),
  );
  const lastBefore = before.findLast((item) => item.kind === "message");
  // Nothing before it if the reader was disconnected as slow: the contents of its
  // connection's buffers are lost, and it resumed from its last id.
  const handed = lastBefore?.n ?? first - 1;
  expect(handed, "the gap is where the loss is").toBe(jumps[0]?.after);
}

/** Each key's newest value, without the superseded ones, and nothing out of order. */
function expectNewestOfEachKey({ items }: SequenceReader, last: number): void {
  const messages = items.filter((item) => item.kind === "message");
  const newest = new Map(messages.map(({ key, n }) => [key, n]));
  for (let key = 0; key < KEYS; key++) {
    const expected = last - ((last - key) % KEYS);
    expect(newest.get(key), `the newest of key ${key}`).toBe(expected);
  }
  expect(messages.length).toBeLessThan(MESSAGES);
  expect(messages.every(({ n }, index) => index === 0 || n > (messages[index - 1]?.n ?? 0))).toBe(
    true,
  );
}
