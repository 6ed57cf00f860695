import { afterAll, beforeAll, test } from "vitest";
import { health } from "../support/http-api.ts";
import { openStream } from "../support/event-stream.ts";
import type { ReceivedEvent } from "../support/stream-response.ts";
import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";

/** What feeds a page stops so long after the last reader has left (apps/demo/lib/while-watched.ts). */
const GRACE_MS = 10_000;

let app: NextServer;
beforeAll(async () => {
  app = await startDemo();
  // `next start` runs instrumentation.ts within its first request.
  await health(app.url);
}, 60_000);
afterAll(async () => app?.[Symbol.asyncDispose]());

// The app counts its readers by the responses that Node tells of. One whose stream goes straight to the
// socket is closed to Next long before: were it to everybody, the pages would stand still.
test.concurrent.each(["dashboard/readings", "system/samples", "scores/race"])(
  "%s is fed for as long as somebody reads it",
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
