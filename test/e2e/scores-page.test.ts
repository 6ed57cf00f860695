import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";
import { startRedis } from "../support/redis.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { browserNames, launchVisitors, type Visitor, type Visitors } from "../support/visitors.ts";

const match = "[aria-labelledby=card-match]";
const line = `${match} [data-testid=line-state]`;
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
  let visitors: Visitors;
  beforeAll(async () => {
    visitors = await launchVisitors(name);
  });
  afterAll(async () => visitors?.[Symbol.asyncDispose]());

  it("shows the same second on every screen, whatever the screen's own clock says", async () => {
    await using visitor = await visitors.open(url);
    await using wrong = await visitors.open(url);
    await wrong.evaluate(() => {
      const right = Date.now;
      Date.now = () => right() + 300_000;
    }, null);
    await Promise.all([visitor.sees(line, "Live"), wrong.sees(line, "Live")]);
    await visitor.sees(status, "Playing");
    await command(visitor, "play-pause");
    await wrong.sees(status, "Paused");
    await command(visitor, "restart");
    await wrong.sees(status, "Playing");
    await wrong.toFront();
    await wrong.sees(time, /^0:0[2-9]/);
    const startedBy = await startOfRace(wrong);
    await visitor.toFront();
    expect(Math.abs((await startOfRace(visitor)) - startedBy)).toBeLessThan(500);
    // First one first, by what each line says.
    const runners = await visitor.evaluate(
      () =>
        [...document.querySelectorAll<HTMLElement>("[data-flip]")].map(
          ({ innerText }) => innerText,
        ),
      null,
    );
    expect(runners).toHaveLength(6);
    const behind = runners.slice(1).map((text) => Number(/−([\d.]+) m/.exec(text)?.[1]));
    expect(behind).toEqual(behind.toSorted((a, b) => a - b));
    expect(await visitor.violations()).toEqual([]);
    expect(await wrong.layoutShift()).toBeLessThan(0.01);
  });

  it("lets a second window act as the referee, and stands still for all when one pauses it", async () => {
    await using visitor = await visitors.open(url);
    await using referee = await visitors.open(url);
    await Promise.all([visitor.sees(line, "Live"), referee.sees(line, "Live")]);
    await command(referee, "restart");
    await command(referee, "play-pause");
    await Promise.all([visitor.sees(status, "Paused"), referee.sees(status, "Paused")]);
    await command(referee, "goal home");
    await command(referee, "goal away");
    await command(referee, "red card away");
    await command(referee, "goal away");
    await visitor.sees(score, "1 : 2");
    await command(referee, "undo");
    await visitor.sees(score, "1 : 1");
    await visitor.sees(`${match} [role=log] li:last-child`, /goal\s+Hill\s+taken back/);
    const shown = [visitor, referee].map(async (one) => [
      await one.text(time),
      await one.text(score),
    ]);
    const [here, there] = await Promise.all(shown);
    expect(here).toEqual(there);
    // The next visitor's page has it before any script runs, and a reload changes nothing.
    expect(await (await fetch(url)).text()).toMatch(/>1 : 1</);
    await visitor.toFront();
    await visitor.goto(url);
    await visitor.sees(score, "1 : 1");
    await visitor.sees(time, here?.[0] as string);
    await visitor.sees(status, "Paused");
    await command(visitor, "play-pause");
    await referee.sees(status, "Playing");
  });

  it("loses nothing when its connection is cut, and its clock runs on meanwhile", async () => {
    await using proxy = await startTcpProxy(app.port);
    await using referee = await visitors.open(url);
    await using visitor = await visitors.open(`http://127.0.0.1:${proxy.port}/scores`);
    await Promise.all([visitor.sees(line, "Live"), referee.sees(line, "Live")]);
    await proxy.cut();
    await visitor.sees(line, "Reconnecting");
    const cutAt = await visitor.text("[data-testid=match-time]");
    await command(visitor, "undo");
    await visitor.sees("[aria-labelledby=card-control-panel] output", "could not be reached");
    await command(referee, "red card home");
    await referee.sees(`${match} [role=log]`, "red card");
    await visitor.toFront();
    await visitor.sees("[data-testid=match-time]", new RegExp(`^(?!${cutAt})`));
    await proxy.mend();
    await visitor.sees(line, "Live", patient);
    await visitor.sees(`${match} [role=log]`, /red card\s+Harbour/);
  });
});

describe("two instances on Redis", () => {
  it("go on with the match when the one that simulates it is killed: no decision lost, none twice", async () => {
    await using redis = await startRedis();
    const env = { SSE_BUS_URL: redis.url };
    await using first = await startDemo({ env });
    await using second = await startDemo({ env });
    await using visitors = await launchVisitors("Chromium");
    await using visitor = await visitors.open(`${first.url}/scores`);
    await visitor.sees(status, "Playing");
    await using referee = await visitors.open(`${second.url}/scores`);
    await referee.sees(line, "Live");
    await command(referee, "play-pause");
    await visitor.sees(status, "Paused");
    await command(referee, "restart");
    await visitor.sees(status, "Playing");
    await command(referee, "play-pause");
    await command(referee, "goal home");
    await visitor.sees(score, "1 : 0");
    await first.kill();
    await command(referee, "goal home");
    await command(referee, "goal away");
    await referee.sees(score, "2 : 1", patient);
    await command(referee, "play-pause");
    await referee.sees(status, "Playing");
  });
});

async function command(visitor: Visitor, name: string): Promise<void> {
  await visitor.toFront();
  await visitor.click(`[data-command="${name}"]`);
}

/**
 * When the race began, in ms since 1970 by the machine's clock, as the window's time tells it. A
 * frame is late or on time, never early: the earliest of a dozen changes counts.
 */
async function startOfRace(visitor: Visitor): Promise<number> {
  return visitor.evaluate(
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
