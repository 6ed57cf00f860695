import { afterAll, beforeAll, test } from "vitest";
import { health } from "../support/http-api.ts";
import { openStream } from "../support/event-stream.ts";
import type { ReceivedEvent } from "../support/stream-response.ts";
import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";

/** A page's publisher stops this long after the last reader disconnects: `graceMs` of `bus.whileSubscribed`. */
const GRACE_MS = 5_000;

let app: NextServer;
beforeAll(async () => {
  app = await startDemo();
  // `next start` runs instrumentation.ts within its first request.
  await health(app.url);
}, 60_000);
afterAll(async () => app?.[Symbol.asyncDispose]());

// A response whose stream is written directly is closed for Next.js much earlier. If its reader ended with
// it, the pages would stop.
test.concurrent.each(["dashboard/readings", "system/samples", "scores/race"])(
  "%s gets messages as long as it has a reader",
  async (channel) => {
    await using stream = await openStream(`${app.url}/api/sse?channel=${channel}`);
    const { receivedAt } = await stream.next("hello");
    const isLate = (event: ReceivedEvent) => event.receivedAt > receivedAt + GRACE_MS + 2000;
    await stream.next((event) => event.event !== "ping" && isLate(event), {
      timeoutMs: GRACE_MS + 15_000,
    });
  },
  40_000,
);
