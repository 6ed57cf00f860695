import { readFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { type EventStream, openStream } from "../support/event-stream.ts";
import type { Restartable } from "../support/restartable.ts";
import { waitFor } from "../support/wait-for.ts";
import { hubHealth, startHub } from "./hub-process.ts";

const BIG = "x".repeat(250_000);
const LIMITS = ["--max-history-bytes", "4194304", "--max-bytes", "4194304"];

/** A connection that stays with its worker; returns the status of each request. */
function keptConnection(hub: Restartable, path: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  return async (body?: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const asking = request(
        `${hub.url}${path}`,
        {
          agent,
          method: body === undefined ? "GET" : "POST",
          headers: { "Content-Type": "application/json" },
          timeout: 30_000,
        },
        (response) => {
          response.resume().once("end", () => resolve(response.statusCode ?? 0));
        },
      );
      asking.on("timeout", () => asking.destroy(new Error("No answer")));
      asking.on("error", reject);
      asking.end(body);
    });
}

function publisher(hub: Restartable) {
  const post = keptConnection(hub, "/publish");
  return async (data: unknown): Promise<number> => post(JSON.stringify({ data, channel: "a" }));
}

function standStill(pid: number): void {
  process.kill(pid, "SIGSTOP");
  onTestFinished(() => {
    try {
      process.kill(pid, "SIGCONT");
    } catch {
      // It has ended.
    }
  });
}

/** Stops one worker of two with SIGSTOP: not the one that this publisher is connected to. */
async function stopOther(
  hub: Restartable,
  publish: (data: unknown) => Promise<number>,
): Promise<number> {
  const pids = [...hub.process.output().matchAll(/"worker-listening".*?"pid":(\d+)/g)].map(
    ([, pid]) => Number(pid),
  );
  expect(pids).toHaveLength(2);
  await publish("first");
  for (const pid of pids) {
    standStill(pid);
    const isOther = await Promise.race([
      publish("probe").then(() => true),
      new Promise<false>((resolve) => setTimeout(resolve, 1000, false)),
    ]);
    if (isOther) return pid;
    process.kill(pid, "SIGCONT");
  }
  throw new Error("Both workers answer the same connection");
}

async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

async function openFour(hub: Restartable): Promise<EventStream[]> {
  const streams = await Promise.all(
    Array.from({ length: 4 }, () => openStream(`${hub.url}/sse?channel=a`)),
  );
  await Promise.all(streams.map((stream) => stream.next("hello")));
  return streams;
}

test("a stopped worker costs a bounded queue, is replaced, and its clients resume", async () => {
  await using hub = await startHub({ args: ["--workers", "2", ...LIMITS] });
  const primary = hub.process.pid;
  const publish = publisher(hub);
  const streams = await openFour(hub);
  const stopped = await stopOther(hub, publish);
  const before = await residentMb(primary);
  let peak = before;
  for (let n = 0; n < 700; n++) {
    expect(await publish(`${n}-${BIG}`)).toBe(200);
    if (n % 20 === 0) peak = Math.max(peak, await residentMb(primary));
  }
  peak = Math.max(peak, await residentMb(primary));
  expect(peak - before, "MB for 175 MB that one worker has not read").toBeLessThan(130);

  await waitFor(
    "the worker to be replaced",
    () => hub.process.output().includes("worker-stalled"),
    {
      timeoutMs: 30_000,
    },
  );
  expect(hub.process.output()).toContain(`process ${stopped}`);
  const ends = streams.map(async (stream) => stream.closed.then(() => stream));
  const cut = await Promise.race(ends);
  await waitFor("two workers", async () => (await hubHealth(hub)).workers === 2);
  const { lastEventId } = cut;
  await using back = await openStream(`${hub.url}/sse?channel=a`, { lastEventId });
  // Dropped messages are reported in a gap.
  await back.next("gap");
  for (const stream of streams) await stream[Symbol.asyncDispose]();
});

test("a worker that continues in time reports to its clients what it did not receive", async () => {
  await using hub = await startHub({ args: ["--workers", "2", ...LIMITS] });
  const publish = publisher(hub);
  const streams = await openFour(hub);
  const stopped = await stopOther(hub, publish);
  // More than the worker's queue takes, and published before the primary would replace the worker.
  const count = 80;
  for (let n = 0; n < count; n++) await publish(`${n}-${BIG}`);
  process.kill(stopped, "SIGCONT");
  const withGap = (): EventStream[] =>
    streams.filter(({ events }) => events.some(({ event }) => event === "gap"));
  await waitFor("the loss to be reported", () => withGap().length > 0);
  await publish("last");
  for (const stream of streams) {
    await stream.next(({ data }) => data === '"last"');
    let expected = 0;
    let isGapReported = false;
    for (const { event, data } of stream.events) {
      if (event === "gap") isGapReported = true;
      const n = event === "message" ? Number(/^"(\d+)-/.exec(data)?.[1] ?? Number.NaN) : Number.NaN;
      if (Number.isNaN(n)) continue;
      expect(n).toBeGreaterThanOrEqual(expected);
      if (n > expected) expect(isGapReported, `${expected} to ${n} are missing`).toBe(true);
      isGapReported = false;
      expected = n + 1;
    }
    if (expected < count) expect(isGapReported, `${expected} to the end are missing`).toBe(true);
  }
  expect(hub.process.output()).not.toContain("worker-stalled");
  for (const stream of streams) await stream[Symbol.asyncDispose]();
});

test("while the process with the log is stopped, publishing and health are 503", async () => {
  await using hub = await startHub({ args: ["--workers", "2", ...LIMITS] });
  const publish = publisher(hub);
  expect(await publish("before")).toBe(200);
  const [, worker] = /"worker-listening".*?"pid":(\d+)/.exec(hub.process.output()) ?? [];
  const health = keptConnection(hub, "/health");
  expect(await health()).toBe(200);
  standStill(hub.process.pid);
  expect(await Promise.all([publish("meanwhile"), health()])).toEqual([503, 503]);
  process.kill(hub.process.pid, "SIGCONT");
  expect(await publish("after")).toBe(200);
  expect(await health()).toBe(200);
  // No worker counts as dead.
  process.kill(Number(worker), 0);
  expect(hub.process.output()).not.toContain("worker-stalled");
});
