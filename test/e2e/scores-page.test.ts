import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";
import { startRedis } from "../support/redis.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import {
  browserNames,
  launchTestBrowser,
  type Tab,
  type TestBrowser,
} from "../support/test-browser.ts";

const match = "[aria-labelledby=card-match]";
const connection = `${match} [data-testid=connection-state]`;
const score = "[data-testid=score]";
const status = "[data-testid=match-status]";
const time = "[data-testid=race-time]";
const patient = { timeoutMs: 20_000 };

let app: NextServer;
let url: string;
beforeAll(async () => {
  app = await startDemo();
  url = `${app.url}/scores`;
});
afterAll(async () => app?.[Symbol.asyncDispose]());

describe.each(browserNames)("/scores in %s", (name) => {
  let browser: TestBrowser;
  /** Two windows that the tests share. */
  let tab: Tab;
  let referee: Tab;
  beforeAll(async () => {
    browser = await launchTestBrowser(name);
    [tab, referee] = [await browser.open(url), await browser.open(url)];
    for (const each of [tab, referee]) await each.waitForText(connection, "Live");
  });
  afterAll(async () => browser?.[Symbol.asyncDispose]());

  it("shows the same second on every screen, independent of the screen's clock", async () => {
    await using wrong = await browser.open(url);
    await wrong.evaluate(() => {
      const right = Date.now;
      Date.now = () => right() + 300_000;
    }, null);
    await wrong.waitForText(connection, "Live");
    await tab.waitForText(status, "Playing");
    await command(tab, "play-pause");
    await wrong.waitForText(status, "Paused");
    await command(tab, "restart");
    await wrong.waitForText(status, "Playing");
    await wrong.bringToFront();
    await wrong.waitForText(time, /^0:0[2-9]/);
    const startedBy = await startOfRace(wrong);
    await tab.bringToFront();
    expect(Math.abs((await startOfRace(tab)) - startedBy)).toBeLessThan(500);
    // The first one first, in the order of connections.
    const runners = await tab.evaluate(
      () =>
        [...document.querySelectorAll<HTMLElement>("[data-flip]")].map(
          ({ innerText }) => innerText,
        ),
      null,
    );
    expect(runners).toHaveLength(6);
    const behind = runners.slice(1).map((text) => Number(/−([\d.]+) m/.exec(text)?.[1]));
    expect(behind).toEqual(behind.toSorted((a, b) => a - b));
    expect(await tab.violations()).toEqual([]);
    expect(await wrong.layoutShift()).toBeLessThan(0.01);
  });

  it("lets a second window act as the referee, and pauses for all windows", async () => {
    await command(referee, "restart");
    await command(referee, "play-pause");
    await Promise.all([tab.waitForText(status, "Paused"), referee.waitForText(status, "Paused")]);
    await command(referee, "goal home");
    await command(referee, "goal away");
    await command(referee, "red card away");
    await command(referee, "goal away");
    await tab.waitForText(score, "1 : 2");
    await command(referee, "undo");
    await tab.waitForText(score, "1 : 1");
    await tab.waitForText(`${match} [role=log] li:last-child`, /goal\s+Hill\s+undone/);
    const shown = [tab, referee].map(async (one) => [await one.text(time), await one.text(score)]);
    const [here, there] = await Promise.all(shown);
    expect(here).toEqual(there);
    // The server renders it for the next page, so a reload changes nothing.
    expect(await (await fetch(url)).text()).toMatch(/>1 : 1</);
    await tab.bringToFront();
    await tab.goto(url);
    await tab.waitForText(score, "1 : 1");
    await tab.waitForText(time, here?.[0] as string);
    await tab.waitForText(status, "Paused");
    await command(tab, "play-pause");
    await referee.waitForText(status, "Playing");
  });

  it("loses nothing when its connection is cut, and its clock continues", async () => {
    await using proxy = await startTcpProxy(app.port);
    await using cut = await browser.open(`http://127.0.0.1:${proxy.port}/scores`);
    await cut.waitForText(connection, "Live");
    await proxy.cut();
    await cut.waitForText(connection, "Reconnecting");
    const cutAt = await cut.text("[data-testid=match-time]");
    await command(cut, "undo");
    await cut.waitForText("[aria-labelledby=card-control-panel] output", "could not be reached");
    await command(referee, "red card home");
    await referee.waitForText(`${match} [role=log]`, "red card");
    await cut.bringToFront();
    await cut.waitForText("[data-testid=match-time]", new RegExp(`^(?!${cutAt})`));
    await proxy.mend();
    await cut.waitForText(connection, "Live", patient);
    await cut.waitForText(`${match} [role=log]`, /red card\s+Harbour/);
  });
});

describe("two instances on Redis", () => {
  it("continue the match when the instance that simulates it is killed, with each decision once", async () => {
    await using redis = await startRedis();
    const env = { SSE_BUS_URL: redis.url };
    await using first = await startDemo({ env });
    await using second = await startDemo({ env });
    await using browser = await launchTestBrowser("Chromium");
    await using tab = await browser.open(`${first.url}/scores`);
    await tab.waitForText(status, "Playing");
    await using referee = await browser.open(`${second.url}/scores`);
    await referee.waitForText(connection, "Live");
    await command(referee, "play-pause");
    await tab.waitForText(status, "Paused");
    await command(referee, "restart");
    await tab.waitForText(status, "Playing");
    await command(referee, "play-pause");
    await command(referee, "goal home");
    await tab.waitForText(score, "1 : 0");
    await first.kill();
    await command(referee, "goal home");
    await command(referee, "goal away");
    await referee.waitForText(score, "2 : 1", patient);
    await command(referee, "play-pause");
    await referee.waitForText(status, "Playing");
  });
});

async function command(tab: Tab, name: string): Promise<void> {
  await tab.bringToFront();
  await tab.click(`[data-command="${name}"]`);
}

/**
 * The start of the race in ms since 1970 by the machine's clock, computed from the window's time. A
 * frame is late or on time, never early: the earliest of a dozen changes counts.
 */
async function startOfRace(tab: Tab): Promise<number> {
  return tab.evaluate(
    async (css) =>
      new Promise<number>((resolve) => {
        const place = document.querySelector<HTMLElement>(css);
        const starts: number[] = [];
        let before = place?.textContent;
        const look = (): void => {
          const text = place?.textContent ?? "";
          if (text !== before) {
            const [minutes = 0, seconds = 0] = text.split(":").map(Number);
            const now = performance.timeOrigin + performance.now();
            starts.push(now - (minutes * 60 + seconds) * 1_000);
            before = text;
          }
          if (starts.length === 12) resolve(Math.min(...starts));
          else requestAnimationFrame(look);
        };
        look();
      }),
    time,
  );
}
