import type { Browser as Chromium, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { health, publish } from "../support/http-api.ts";
import { startDemo } from "../support/demo-app.ts";
import { launchFirefox } from "../support/firefox.ts";
import type { NextServer } from "../support/next-server.ts";
import { useRedis } from "../support/redis.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";

// The page /hook of the demo's production build, over HTTP/1.1: a browser opens six connections for
// all its tabs, so the seventh stream would hang.

const TABS = 20;
const WAIT = { timeout: 30_000, interval: 50 };

let app: NextServer;

beforeAll(async () => {
  app = await startDemo({ env: { SSE_BUS_OPEN_PUBLISH: "1" } });
});
afterAll(() => app?.[Symbol.asyncDispose]());

/** What both browser drivers can do with a page. */
interface Tab {
  goto(url: string): Promise<unknown>;
  evaluate<T>(run: () => T): Promise<T>;
  close(): Promise<void>;
}

const statusOf = (tab: Tab): Promise<string> =>
  tab.evaluate(() => document.querySelector("[data-testid=connection-state]")?.textContent ?? "");

/** The texts of the log, oldest first. */
const rowsOf = async (tab: Tab): Promise<string[]> => {
  const rows = await tab.evaluate(() =>
    [...document.querySelectorAll("[role=log] li")].map((row) => row.textContent ?? ""),
  );
  return rows.map((row) => /"([^"]*)"$/.exec(row)?.[1] ?? row).toReversed();
};

async function allOpen(tabs: readonly Tab[]): Promise<void> {
  for (const tab of tabs) await expect.poll(() => statusOf(tab), WAIT).toBe("Live");
}

async function publishMany(prefix: string, count: number, to = app.url): Promise<string[]> {
  const texts = Array.from({ length: count }, (_, n) => `${prefix} ${n}`);
  for (const data of texts) await publish(to, { data });
  return texts;
}

/** Records every status that the page shows from now on, however briefly. */
async function watchStatus(page: Page): Promise<() => Promise<string[]>> {
  await page.evaluate(() => {
    const output = document.querySelector("[data-testid=connection-state]") as HTMLElement;
    new MutationObserver(() => {
      output.dataset.seen = `${output.dataset.seen ?? ""} ${output.textContent}`;
    }).observe(output, { childList: true, characterData: true, subtree: true });
  });
  return async () => {
    const seen = await page.evaluate(
      () => document.querySelector<HTMLElement>("[data-testid=connection-state]")?.dataset.seen,
    );
    return seen?.trim().split(" ") ?? [];
  };
}

async function processesOf(chromium: Chromium): Promise<number[]> {
  const session = await chromium.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  return processInfo.map(({ id }) => id);
}

describe.each(["chromium", "firefox"] as const)("%s", (name) => {
  test("twenty tabs are live on one stream, the site responds, and nothing is lost when the leader closes", async () => {
    await using browser = name === "chromium" ? await launchChromium() : await launchFirefox();
    const open: () => Promise<Tab> =
      name === "chromium"
        ? await (browser as Chromium).newContext().then((context) => () => context.newPage())
        : () => browser.newPage();
    const tabs: Tab[] = [];
    for (let n = 0; n < TABS; n++) {
      const tab = await open();
      await tab.goto(`${app.url}/hook`);
      tabs.push(tab);
    }
    await allOpen(tabs);
    await expect.poll(async () => (await health(app.url)).connections, WAIT).toBe(1);

    const another = await open();
    const started = performance.now();
    await another.goto(app.url);
    expect(performance.now() - started).toBeLessThan(10_000);
    await another.close();

    // The first tab has the connection: the others joined it.
    const before = await publishMany("before", 10);
    const [leader, ...others] = tabs as [Tab, ...Tab[]];
    const during = publishMany("during", 30);
    await leader.close();
    const sent = [...before, ...(await during), ...(await publishMany("after", 10))];
    for (const tab of others) {
      await expect.poll(async () => (await rowsOf(tab)).slice(-sent.length), WAIT).toEqual(sent);
    }
    await allOpen(others);
    await expect.poll(async () => (await health(app.url)).connections, WAIT).toBe(1);
  }, 240_000);
});

describe("in Chromium", () => {
  let browser: Chromium;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  const openTabs = async (count: number, origin = app.url): Promise<Page[]> => {
    const context = await browser.newContext();
    const pages: Page[] = [];
    for (let n = 0; n < count; n++) {
      const page = await context.newPage();
      await page.goto(`${origin}/hook`);
      pages.push(page);
      await allOpen([page]);
    }
    return pages;
  };

  test("a server that is killed and restarted is shown immediately, and later messages arrive once", async () => {
    const pages = await openTabs(3);
    await publish(app.url, { data: "before" });
    for (const page of pages) await page.getByText('"before"').waitFor();
    await app.kill();
    for (const page of pages) {
      await expect.poll(() => statusOf(page), WAIT).toBe("Reconnecting");
    }
    await app.start();
    await allOpen(pages);
    const after = await publishMany("after", 5);
    for (const page of pages) {
      await expect.poll(async () => (await rowsOf(page)).slice(-5), WAIT).toEqual(after);
      // Its memory is lost with it, so a gap is reported.
      await page.getByText("may be missing (restarted)").waitFor();
    }
    await pages[0]?.context().close();
  }, 120_000);

  test("a server that is killed and restarted delivers everything its history kept, once and in order", async () => {
    await using redis = await useRedis();
    const env = { SSE_BUS_OPEN_PUBLISH: "1", SSE_BUS_URL: redis.url };
    await using server = await startDemo({ env });
    await using other = await startDemo({ env });
    const pages = await openTabs(2, server.url);
    const statuses = await Promise.all(pages.map(watchStatus));
    const before = await publishMany("before", 3, other.url);
    for (const page of pages) await page.getByText('"before 2"').waitFor();
    await server.kill();
    const during = await publishMany("during", 20, other.url);
    for (const page of pages) {
      await expect.poll(() => statusOf(page), WAIT).toBe("Reconnecting");
    }
    await server.start();
    await allOpen(pages);
    const sent = [...before, ...during, ...(await publishMany("after", 3, server.url))];
    for (const page of pages) {
      await expect.poll(async () => await rowsOf(page), WAIT).toEqual(sent);
      expect(await page.getByText("may be missing").count()).toBe(0);
    }
    for (const seen of statuses) expect(await seen()).toEqual(["Reconnecting", "Live"]);
    await pages[0]?.context().close();
  }, 120_000);

  test("a computer whose connection breaks while it sleeps detects it on wake-up and misses nothing", async () => {
    await using proxy = await startTcpProxy(app.port);
    const [page] = (await openTabs(1, `http://127.0.0.1:${proxy.port}`)) as [Page];
    const statuses = await watchStatus(page);
    const processes = await processesOf(browser);
    // The page gets no event, and none of its timers runs: the whole browser is paused.
    for (const pid of processes) process.kill(pid, "SIGSTOP");
    let missed: string[] = [];
    try {
      proxy.hang();
      missed = await publishMany("slept", 10);
      await new Promise((resolve) => setTimeout(resolve, 2.5 * 15_000 + 1_000));
    } finally {
      for (const pid of processes) process.kill(pid, "SIGCONT");
    }
    const woken = performance.now();
    await expect.poll(() => statusOf(page), { timeout: 10_000, interval: 50 }).toBe("Reconnecting");
    expect(performance.now() - woken).toBeLessThan(7_000);
    await proxy.mend();
    await expect
      .poll(async () => (await rowsOf(page)).slice(-10), { timeout: 40_000, interval: 100 })
      .toEqual(missed);
    await allOpen([page]);
    expect(await statuses()).toEqual(["Reconnecting", "Live"]);
    await page.context().close();
  }, 180_000);

  test("a network outage of 30 s is shown, and all messages of that time arrive once, in order", async () => {
    await using proxy = await startTcpProxy(app.port);
    const [page] = (await openTabs(1, `http://127.0.0.1:${proxy.port}`)) as [Page];
    const statuses = await watchStatus(page);
    await proxy.cut();
    await expect.poll(() => statusOf(page), WAIT).toBe("Reconnecting");
    const missed = await publishMany("missed", 20);
    await new Promise((resolve) => setTimeout(resolve, 30_000));
    expect(await statusOf(page)).toBe("Reconnecting");
    await proxy.mend();
    await expect.poll(() => statusOf(page), { timeout: 40_000, interval: 100 }).toBe("Live");
    await expect.poll(async () => (await rowsOf(page)).slice(-20), WAIT).toEqual(missed);
    expect(await statuses()).toEqual(["Reconnecting", "Live"]);
    await page.context().close();
  }, 180_000);

  test("a connection that dies silently is detected within 2.5 heartbeats", async () => {
    await using proxy = await startTcpProxy(app.port);
    const [page] = (await openTabs(1, `http://127.0.0.1:${proxy.port}`)) as [Page];
    proxy.hang();
    const hung = performance.now();
    await publish(app.url, { data: "unheard" });
    await expect
      .poll(() => statusOf(page), { timeout: 60_000, interval: 100 })
      .toBe("Reconnecting");
    expect(performance.now() - hung).toBeLessThan(2.5 * 15_000 + 2_000);
    await proxy.mend();
    await page.getByText('"unheard"').waitFor({ timeout: 60_000 });
    await page.context().close();
  }, 180_000);

  test("a page that was offline does not freeze, then has what it missed", async () => {
    const [page] = (await openTabs(1)) as [Page];
    const statuses = await watchStatus(page);
    await page.context().setOffline(true);
    const missed = await publishMany("offline", 5);
    await page.context().setOffline(false);
    await expect.poll(async () => (await rowsOf(page)).slice(-5), WAIT).toEqual(missed);
    await allOpen([page]);
    expect(await statuses()).not.toContain("paused");
    await page.context().close();
  }, 60_000);

  test("a frozen leader is replaced, and has what it missed when it resumes", async () => {
    const [leader, follower] = (await openTabs(2)) as [Page, Page];
    const session = await leader.context().newCDPSession(leader);
    await session.send("Page.setWebLifecycleState", { state: "frozen" });
    const missed = await publishMany("frozen", 5);
    await expect.poll(async () => (await rowsOf(follower)).slice(-5), WAIT).toEqual(missed);
    await session.send("Page.setWebLifecycleState", { state: "active" });
    await expect.poll(async () => (await rowsOf(leader)).slice(-5), WAIT).toEqual(missed);
    await allOpen([leader, follower]);
    await expect.poll(async () => (await health(app.url)).connections, WAIT).toBe(1);
    await leader.context().close();
  }, 120_000);

  test("a leader whose process crashes is replaced without loss", async () => {
    const [leader, follower] = (await openTabs(2)) as [Page, Page];
    const session = await leader.context().newCDPSession(leader);
    void session.send("Page.crash").catch(() => {});
    const sent = await publishMany("crash", 10);
    await expect.poll(async () => (await rowsOf(follower)).slice(-10), WAIT).toEqual(sent);
    await follower.context().close();
  }, 120_000);
});
