import { describe, expect, test } from "vitest";
import { type EventStream, openStream } from "../support/event-stream.ts";
import { startDemo } from "../support/demo-app.ts";
import { builtTestApp } from "../support/test-app.ts";
import type { NextServer } from "../support/next-server.ts";

const CLIENTS = 1000;

/** It takes well under 2 s on an idle machine; with a wait for idle connections it would take 5 s. */
const patienceMs = 4500;

describe("SIGTERM", () => {
  test.each([
    ["direct", {}],
    ["web", { SSE_BUS_SINK: "web" }],
  ])(
    "next start tells each of 1,000 streams, %s sink, when to reconnect, and exits without waiting for any",
    async (kind, env) => {
      await using app = await startDemo({ env });
      const { streams, exitMs } = await drain(app, CLIENTS);
      console.log(`${CLIENTS} streams got bye, exit after ${Math.round(exitMs)} ms (${kind} sink)`);
      expect(exitMs).toBeLessThan(patienceMs);
      const waits = new Set(streams.map((data) => data.retryMs));
      // A jittered window: a thousand clients must not reconnect at the same moment.
      expect(waits.size).toBeGreaterThan(CLIENTS / 4);
      expect(Math.max(...waits)).toBeLessThanOrEqual(1100);
    },
    60_000,
  );

  test("the standalone server exits too", async () => {
    const testApp = await builtTestApp();
    await using app = await testApp.start();
    expect((await drain(app, 20)).exitMs).toBeLessThan(patienceMs);
  }, 500_000);
});

async function drain(app: NextServer, clients: number) {
  // Compiled and warm before the measurement.
  await (await openStream(`${app.url}/api/sse`))[Symbol.asyncDispose]();
  const open: EventStream[] = [];
  while (open.length < clients) {
    const batch = Array.from({ length: Math.min(50, clients - open.length) }, () =>
      openStream(`${app.url}/api/sse`),
    );
    open.push(...(await Promise.all(batch)));
  }
  await Promise.all(open.map((stream) => stream.next("hello", { timeoutMs: 20_000 })));
  const started = performance.now();
  app.process.signal("SIGTERM");
  const streams = await Promise.all(
    open.map(async (stream) => {
      const bye = (await stream.next("bye")).json() as { reason: string; retryMs: number };
      expect(bye.reason).toBe("drain");
      expect(await stream.closed).toBe("end");
      return bye;
    }),
  );
  await app.process.exited;
  return { streams, exitMs: performance.now() - started };
}
