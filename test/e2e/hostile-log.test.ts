import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { backendFromUrl } from "../../packages/sse-bus/src/backends/index.ts";
import { createBus } from "../../packages/sse-bus/src/index.ts";
import { launchChromium } from "../support/chromium.ts";
import { openStream } from "../support/event-stream.ts";
import { everyPage } from "../support/every-page.ts";
import { startDemo } from "../support/demo-app.ts";
import { health, publish } from "../support/http-api.ts";
import type { NextServer } from "../support/next-server.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import type { ReceivedEvent } from "../support/stream-response.ts";
import type { Match } from "../../apps/demo/features/scores/scores.ts";

/** The channels of the pages, with their events. */
const targets: readonly [channel: string, event: string][] = [
  ["dashboard/rate", "message"],
  ["dashboard/readings", "message"],
  ["notifications/log", "entry"],
  ["scores/match", "match"],
  ["scores/race", "race"],
  ["scores/commands", "command"],
  ["system/log", "line"],
  ["system/samples", "sample"],
];

/** The channels of tasks. Their messages are checked where they are read. */
const taskTargets: readonly [channel: string, event: string][] = [
  ["tasks/build", "task"],
  ["tasks/task-1", "task"],
  ["tasks/build/log", "lines"],
];

const commands = { channel: "scores/commands", event: "command" };

/** Valid JSON of the wrong shape, and of the right shape with harmful values. */
const hostile: readonly unknown[] = [
  null,
  7,
  "text",
  [],
  {},
  { perSecond: 1e300 },
  { id: "__proto__", value: 1e300, run: 1, count: 1 },
  { id: "server-cpu", value: null, run: null, count: null },
  { kind: "chat", by: null, text: null },
  { kind: "alert", by: { person: 1, name: {} }, text: "x", level: "__proto__" },
  { i: "a", run: "b", state: "running", title: {}, done: 1e300, startedAt: 1e300 },
  { run: {}, n: -1, lines: [null] },
  { lost: {} },
  {
    i: "0123456789abcdef",
    run: "0123456789abcdef",
    state: "running",
    title: "x",
    done: 1e308,
    total: 1,
    startedAt: 8e15,
  },
  { host: "__proto__", time: 1e300, cores: "x", load: null, memory: null },
  { host: "h", level: "x", text: {}, time: 1e300 },
  { id: 1, isPlaying: "yes", clock: null, score: null, events: null, appliedTo: "no cursor" },
  { id: "r", clock: {}, runners: [{ name: 1 }] },
  { kind: "goal" },
];

let redis: RedisServer;
let app: NextServer;
let browser: Browser;
beforeAll(async () => {
  redis = await startRedis();
  const env = { SSE_BUS_URL: redis.url, SSE_BUS_OPEN_PUBLISH: "1" };
  [app, browser] = await Promise.all([startDemo({ env }), launchChromium()]);
});
afterAll(async () => {
  await browser?.close();
  for (const each of [app, redis]) await each?.[Symbol.asyncDispose]();
});

describe("another program's messages on the pages' channels", () => {
  it("are rejected over HTTP, with an error that names what is wrong", async () => {
    for (const [channel, event] of targets) {
      for (const data of hostile) {
        const response = await fetch(`${app.url}/api/publish`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ channel, event, data }),
        });
        const { code } = (await response.json()) as { code: string };
        expect([channel, data, response.status, code]).toEqual([
          channel,
          data,
          400,
          "VALIDATION_FAILED",
        ]);
      }
    }
  });

  it("in the log do not stop the match, even if their shape is right", async () => {
    await using own = await startRedis();
    const env = { SSE_BUS_URL: own.url, SSE_BUS_OPEN_PUBLISH: "1" };
    await using server = await startDemo({ env });
    // `next start` runs instrumentation.ts within its first request.
    await health(server.url);
    await using stranger = createBus({ backend: backendFromUrl(own.url) });
    const limit = 1e15;
    const match = {
      id: "hostile",
      isPlaying: true,
      clock: { elapsedMs: 0, since: null },
      score: { home: limit, away: limit },
      events: [],
    };
    const options = { channel: "scores/match", event: "match" };
    await stranger.publish(match, options);
    // A cursor that cannot be resumed.
    await stranger.publish({ ...match, appliedTo: "zzzzzzzzzzzz-1-1" }, options);
    await using stream = await openStream(`${server.url}/api/sse?channel=scores/match`);
    const isMatch = ({ event, data }: ReceivedEvent, isHostile: boolean): boolean =>
      event === "match" && ((JSON.parse(data) as Match).id === "hostile") === isHostile;
    await stream.next((event) => isMatch(event, true));
    // The score leaves the limit.
    await stranger.publish({ kind: "goal", team: "home" }, commands);
    await stream.next((event) => isMatch(event, false));
  });

  it("that claim a lease of the instances do not stop the one that publishes", async () => {
    const channel = "dashboard/readings";
    await using stream = await openStream(`${app.url}/api/sse?channel=${channel}`);
    for (let readings = 0; readings < 30; readings++) {
      const claim = { i: "stranger", name: "dashboard", fence: 8e15 };
      const message = { channel: "~control", event: "claim", data: claim };
      await expect(publish(app.url, message)).rejects.toThrow("INVALID_CHANNEL");
      await stream.next("message");
    }
  });

  it("in the log break no page, from history or live", async () => {
    // Another program on the same log, without schemas.
    await using stranger = createBus({ backend: backendFromUrl(redis.url) });
    const publishAll = async (): Promise<void> => {
      for (const [channel, event] of [...targets, ...taskTargets]) {
        for (const data of hostile) await stranger.publish(data, { channel, event });
      }
    };
    await publishAll();
    for (const { path, line, liven } of everyPage) {
      const context = await browser.newContext();
      const page = await context.newPage();
      const errors: string[] = [];
      // A live value reports each message that its schema refuses, and skips it.
      const refused = /^TypeError: Message .+ is skipped by a live value: /;
      page.on("pageerror", ({ message }) => {
        if (!refused.test(message)) errors.push(message);
      });
      await page.goto(app.url + path);
      const [testId, text] = line;
      await page.getByTestId(testId).filter({ hasText: text }).first().waitFor();
      await publishAll();
      await liven(page, app.url);
      expect([path, await page.getByText("This page failed").count(), errors]).toEqual([
        path,
        0,
        [],
      ]);
      await context.close();
    }
    const response = await fetch(`${app.url}/api/health`, { signal: AbortSignal.timeout(2_000) });
    expect(response.status).toBe(200);
  }, 480_000);
});
