import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test, vi } from "vitest";
import { createBus } from "../src/core/bus.ts";
import { pollingBackend } from "../src/core/polling-backend.ts";
import { MAX_TIMER_MS, startInterval, startTimeout } from "../src/core/timers.ts";
import { createStreamHandler } from "../src/http/stream-handler.ts";
import { readTestStream } from "./support/event-stream.ts";
import { routeContext } from "../src/http/route-context.ts";

const src = fileURLToPath(new URL("../src", import.meta.url));

/**
 * Creates the timers; uses real time among fake timers; replaces the platform's timers to count them; has all of this
 * and the page in one string.
 */
const ALLOWED = [
  "core/timers.ts",
  "testing/in-time.ts",
  "testing/backend/timers.ts",
  "inspector/page/bundle.ts",
];

test("one function creates every timer of the package", async () => {
  const files = await readdir(src, { recursive: true });
  const direct: string[] = [];
  for (const file of files) {
    if (!/\.tsx?$/.test(file) || /\.test\.tsx?$/.test(file) || ALLOWED.includes(file)) continue;
    const code = await readFile(join(src, file), "utf8");
    const made = code.match(
      /(?<!typeof )\bset(?:Timeout|Interval)\b|\bAbortSignal\.timeout\b|timers\/promises/g,
    );
    if (made) direct.push(`${file}: ${made.join(", ")}`);
  }
  expect(direct, "use startTimeout and startInterval of core/timers.ts").toEqual([]);
});

test.each([Infinity, Number.NaN, 2 ** 31, 1e300])(
  "a wait of %d ms becomes the longest wait of a timer",
  (ms) => {
    const delays = watchDelays();
    clearTimeout(startTimeout(() => {}, ms));
    clearInterval(startInterval(() => {}, ms));
    expect(delays).toEqual([MAX_TIMER_MS, MAX_TIMER_MS]);
  },
);

test("a shorter wait is not changed", () => {
  const delays = watchDelays();
  for (const ms of [0, 1, 250, MAX_TIMER_MS]) clearTimeout(startTimeout(() => {}, ms));
  expect(delays).toEqual([0, 1, 250, MAX_TIMER_MS]);
});

test.each([Infinity, 2 ** 31, 2 ** 40])(
  "with a heartbeat and a retry of %d ms no timer fires immediately, and clients receive numbers",
  async (ms) => {
    const delays = watchDelays();
    await using bus = createBus();
    const handle = createStreamHandler(
      routeContext(bus),
      { heartbeatMs: ms, retryMs: ms, authorizeTimeoutMs: ms, authorize: async () => true },
      { socketIp: () => undefined, trustedProxies: 0 },
    );
    const response = await handle(new Request("http://localhost/api/sse"));
    const stream = readTestStream(response);
    const hello = JSON.parse((await stream.next())?.data ?? "");
    expect(hello).toMatchObject({ heartbeatMs: MAX_TIMER_MS });
    expect(delays).not.toEqual([]);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(1000);
    await stream.cancel();
  },
);

test("a log with an infinite poll interval is not polled in a loop", async () => {
  const delays = watchDelays();
  const log = {
    name: "quiet",
    append: async () => true,
    after: async () => ({ epoch: "a", entries: [] }),
  };
  await using bus = createBus({ backend: pollingBackend(log, { pollMs: Infinity }) });
  await bus.cursor();
  await vi.waitFor(() => expect(delays).toContain(MAX_TIMER_MS));
});

/** Records the delays of the platform's timers from now on. */
function watchDelays(): number[] {
  const delays: number[] = [];
  const { setTimeout: timeout, setInterval: interval } = globalThis;
  const watch = (original: typeof setTimeout | typeof setInterval) =>
    ((run: () => void, ms?: number) => {
      delays.push(ms ?? 0);
      return original(run, ms);
    }) as never;
  globalThis.setTimeout = watch(timeout);
  globalThis.setInterval = watch(interval);
  onTestFinished(
    () => void Object.assign(globalThis, { setTimeout: timeout, setInterval: interval }),
  );
  return delays;
}
