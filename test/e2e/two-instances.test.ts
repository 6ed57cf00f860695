import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { health, publish } from "../support/http-api.ts";
import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";
import { startNginx } from "../support/nginx.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import type { Restartable } from "../support/restartable.ts";
import { launchTestBrowser, type Tab, type TestBrowser } from "../support/test-browser.ts";
import { waitFor } from "../support/wait-for.ts";

const token = "for two instances";
const connection = "[data-testid=connection-state]";

/** Server Actions compare the page's origin with the host, so nginx must forward the host. */
const location = "proxy_set_header Host $http_host;";

let redis: RedisServer;
let apps: NextServer[] = [];
let nginx: Restartable;
let browser: TestBrowser;
beforeAll(async () => {
  redis = await startRedis();
  const env = { SSE_BUS_URL: redis.url, SSE_BUS_OPEN_PUBLISH: "1", SSE_BUS_INSPECTOR_TOKEN: token };
  apps = await Promise.all([startDemo({ env }), startDemo({ env })]);
  nginx = await startNginx(
    apps.map(({ port }) => port),
    { location },
  );
  browser = await launchTestBrowser("Chromium");
});
afterAll(async () => {
  for (const each of [browser, nginx, ...apps, redis]) await each?.[Symbol.asyncDispose]();
});

describe("behind nginx, two instances on Redis are one site", () => {
  it("/: a message published on one instance appears in the log of the other", async () => {
    await using tab = await browser.open(nginx.url);
    await tab.waitForText("[data-testid=stream-state]", "Live");
    for (const app of apps) {
      await publish(app.url, { data: { from: `port ${app.port}` } });
      await tab.waitForText("[role=log]", `port ${app.port}`);
    }
  });

  it("/hook: the log that the server rendered continues without a gap", async () => {
    await using tab = await browser.open(`${nginx.url}/hook`);
    await tab.waitForText("[data-testid=connection-state]", "Live");
    for (const app of apps) {
      await publish(app.url, { data: { hook: `port ${app.port}` } });
      await tab.waitForText("main", `port ${app.port}`);
    }
  });

  it("/system: every machine's samples are shown, whichever instance serves the page", async () => {
    await using tab = await browser.open(`${nginx.url}/system`);
    await tab.waitForText(`[aria-labelledby=card-machine] ${connection}`, "Live");
    await tab.waitForText("[data-tile=CPU] [data-testid=value]", /^\d+ %$/);
  });

  it("/dashboard: values change in every window, published by one of the instances", async () => {
    const [one, other] = await openTwo("/dashboard");
    for (const each of [one, other]) {
      await each.bringToFront();
      const before = await each.text("[data-sensor=page-faults]");
      await waitFor("a newer value", async () => {
        const value = await each.text("[data-sensor=page-faults]");
        return /\d/.test(value) && value !== before;
      });
    }
    await close(one, other);
  });

  it("/notifications: a message written on one instance is shown on the other", async () => {
    const [one, other] = await openTwo("/notifications");
    await one.fill("#post-send", "Hello from the other instance");
    await one.click("[aria-labelledby=card-chat] button[type=submit]");
    await other.waitForText(
      "[aria-labelledby=card-chat] [role=log]",
      "Hello from the other instance",
    );
    await close(one, other);
  });

  it("/progress: a task started on one instance is shown on the other, which cancels it", async () => {
    const task = "[aria-labelledby=card-task]";
    const [one, other] = await openTwo("/progress");
    await one.click(`${task} [data-command=start-task]`);
    await other.waitForText(`${task} li`, /Running[^]*[1-9]\d* of 200 rounds/);
    await other.click(`${task} li button`);
    await one.waitForText(`${task} li`, "Cancelled by a visitor");
    await close(one, other);
  });

  it("/scores: the referee of one instance pauses the match of both", async () => {
    const [one, other] = await openTwo("/scores");
    await one.waitForText("[data-testid=match-status]", "Playing");
    await other.click("[data-command=play-pause]");
    await one.waitForText("[data-testid=match-status]", "Paused");
    await close(one, other);
  });

  it("/inspector: both instances are shown, whichever answers", async () => {
    const streams = await openTwo("/scores");
    const page = nginx.url.replace("//", `//any:${encodeURIComponent(token)}@`);
    const tab = await browser.open(`${page}/inspector`);
    await tab.waitForText("#state", "Live");
    await tab.waitForText("#choice", /\S+ · \d+\s+\S+ · \d+/);
    for (const index of [0, 1]) {
      await tab.evaluate((at) => {
        const select = document.querySelector("select") as HTMLSelectElement;
        select.selectedIndex = at;
        select.dispatchEvent(new Event("change"));
      }, index);
      await tab.waitForText("#tables tbody", /scores\/match/);
    }
    await close(tab, ...streams);
  });

  it("/guarantees: the stream continues on either instance", async () => {
    const demo = "[aria-labelledby^=card-the-guarantees]";
    await using tab = await browser.open(`${nginx.url}/guarantees`);
    await tab.waitForText(`${demo} [data-count=Received]`, /[1-9]/);
    await tab.click("[data-command=stall]");
    await tab.waitForText("[data-testid=demo-lag]", /^[1-9]/);
    await tab.click("[data-command=stall]");
    await tab.waitForText("[data-testid=demo-lag]", /^0$/);
    for (let cuts = 1; cuts <= 2; cuts++) {
      await tab.click("[data-command=cut]");
      await tab.waitForText(`${demo} [role=log]`, new RegExp(`(hello: resumed[^]*){${cuts}}`));
    }
    const counts = await tab.text("[data-testid=demo-counts]");
    expect(counts).toMatch(/Lost without a gap\s+0\s+Lost, reported in a gap\s+0/);
  });
});

/** Two windows of two browsers, with streams on one instance each: nginx alternates. */
async function openTwo(path: string): Promise<[Tab, Tab]> {
  const one = await browser.open(nginx.url + path);
  await one.waitForText(connection, "Live");
  for (let attempt = 0; attempt < 10; attempt++) {
    const other = await browser.open(nginx.url + path);
    await other.waitForText(connection, "Live");
    const counts = await Promise.all(apps.map(async ({ url }) => (await health(url)).connections));
    if (counts.every((count) => count > 0)) return [one, other];
    await other[Symbol.asyncDispose]();
    // After an even number of requests, the next page would have its stream on the same instance again.
    if (attempt % 2 === 0) await health(nginx.url);
  }
  await one[Symbol.asyncDispose]();
  return expect.unreachable("nginx sent both browsers to one instance ten times");
}

async function close(...both: readonly Tab[]): Promise<void> {
  for (const tab of both) await tab[Symbol.asyncDispose]();
  await waitFor("their streams to end", async () => {
    const counts = await Promise.all(apps.map(async ({ url }) => (await health(url)).connections));
    return counts.every((count) => count === 0);
  });
}
