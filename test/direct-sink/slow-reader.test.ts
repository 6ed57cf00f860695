import { describe, expect, test } from "vitest";
import { type EventStream, openStream } from "../support/event-stream.ts";
import { publish } from "../support/http-api.ts";
import { startDemo } from "../support/demo-app.ts";
import { quantile } from "../support/quantile.ts";
import { heapReporterArgs, serverHeap } from "../support/server-heap.ts";
import { countSinks } from "./direct-app.ts";

const STALLED = 20;
const MESSAGES = 2400;
const text = "x".repeat(5000);

describe.each(["direct", "web"] as const)("stalled readers, %s sink", (kind) => {
  test("cost limited memory, delay no other reader, and get everything kept or a gap", async () => {
    await using app = await startDemo({
      env: { SSE_BUS_OPEN_PUBLISH: "1", ...(kind === "web" && { SSE_BUS_SINK: "web" }) },
      nodeArgs: heapReporterArgs,
    });
    await countSinks(app.url);
    const channel = "stalled";
    const url = `${app.url}/api/sse?channel=${channel}`;
    await using live = await openStream(url);
    const stalled = await Promise.all(Array.from({ length: STALLED }, () => openStream(url)));
    for (const stream of [live, ...stalled]) await stream.next("hello");
    for (const stream of stalled) stream.pause();
    const send = (n: number) => publish(app.url, { data: { n, text }, channel });
    // The kernel's buffers and the heap of a warm server do not count.
    for (let n = 0; n < MESSAGES / 4; n++) await send(n);
    const before = await serverHeap(app);
    const lags: number[] = [];
    for (let n = MESSAGES / 4; n < MESSAGES; n++) {
      const { time } = await send(n);
      const { receivedAt } = await live.next(({ data }) => data.startsWith(`{"n":${n},`));
      lags.push(receivedAt - time);
    }
    const after = await serverHeap(app);
    expect(await countSinks(app.url)).toEqual({ direct: 0, web: 0, [kind]: STALLED + 1 });
    // This many more messages. A queue per reader would keep at least 300 bytes
    // for each of them: 10 MB.
    expect(after - before, `heap ${before} → ${after}`).toBeLessThan(4_000_000);
    // A reader that had to wait for a stalled one would wait as long as that stalls.
    expect(quantile(lags, 0.9)).toBeLessThan(500);

    for (const stream of stalled) stream.resume();
    await Promise.all(stalled.map((stream) => checkComplete(stream, channel)));
    for (const stream of stalled) await stream[Symbol.asyncDispose]();
  }, 120_000);
});

/** Reads to the last message: all of them in order, or a gap where some are missing. */
async function checkComplete(stream: EventStream, channel: string): Promise<void> {
  const last = MESSAGES - 1;
  await stream.next(({ data }) => data.startsWith(`{"n":${last},`), { timeoutMs: 30_000 });
  let expected = 0;
  let isTold = false;
  let gaps = 0;
  for (const event of stream.events) {
    if (event.event === "gap") {
      expect(event.json()).toMatchObject({ channels: [channel], reason: "evicted" });
      isTold = true;
      gaps++;
    } else if (event.event === "message") {
      const { n } = event.json() as { n: number };
      if (isTold) expect(n).toBeGreaterThan(expected);
      else expect(n).toBe(expected);
      expected = n + 1;
      isTold = false;
    }
  }
  // History keeps 1000: a reader that stalled for thousands of messages cannot receive all.
  expect(gaps).toBeGreaterThan(0);
}
