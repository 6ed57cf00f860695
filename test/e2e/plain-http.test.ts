import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { hubHealth, startHub } from "../hub/hub-process.ts";
import { launchChromium } from "../support/chromium.ts";
import { type ClientPage, serveClientPage } from "../support/client-page.ts";
import type { Restartable } from "../support/restartable.ts";

// Pages of http://app.test are not a secure context, like those of a server in the LAN: `navigator.locks` is
// missing there, and a browser opens six connections for all tabs, so with a stream each the seventh
// would never load.

const TABS = 8;
const WAIT = { timeout: 20_000, interval: 50 };

let hub: Restartable;
let site: ClientPage;
let browser: Browser;
let context: BrowserContext;

beforeAll(async () => {
  hub = await startHub();
  site = await serveClientPage(hub.port);
  browser = await launchChromium({ args: ["--host-resolver-rules=MAP app.test 127.0.0.1"] });
  context = await browser.newContext();
});
afterAll(async () => {
  await browser?.close();
  await site?.[Symbol.asyncDispose]();
  await hub?.[Symbol.asyncDispose]();
});

async function openTab(query = ""): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`http://app.test:${site.port}/${query}`);
  return page;
}

async function publish(prefix: string, count: number): Promise<string[]> {
  const texts = Array.from({ length: count }, (_, n) => `${prefix} ${n}`);
  for (const data of texts) {
    const answer = await fetch(`${hub.url}/publish`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ data, channel: "news" }),
    });
    expect(answer.status).toBe(200);
  }
  return texts;
}

const heardBy = (page: Page) => page.evaluate(() => Reflect.get(window, "heard") as string[]);
const gapsOf = (page: Page) => page.evaluate(() => Reflect.get(window, "gaps") as unknown[]);
const statusOf = (page: Page) => expect.poll(() => page.title(), WAIT);

test("eight tabs of plain http:// are live on one stream, and a new leader takes over without loss", async () => {
  const tabs: Page[] = [];
  for (let n = 0; n < TABS; n++) tabs.push(await openTab());
  const [leader, second, ...others] = tabs as [Page, Page, ...Page[]];
  expect(await leader.evaluate(() => [isSecureContext, "locks" in navigator])).toEqual([
    false,
    false,
  ]);
  for (const tab of tabs) await statusOf(tab).toBe("open");
  await expect.poll(async () => (await hubHealth(hub)).connections, WAIT).toBe(1);

  const sent = await publish("before", 5);
  const during = publish("during", 30);
  // The first tab has the connection: the others joined it.
  await leader.close({ runBeforeUnload: false });
  sent.push(...(await during));
  for (const tab of [second, ...others]) {
    await expect.poll(() => heardBy(tab), WAIT).toEqual(sent);
    await statusOf(tab).toBe("open");
  }
  await expect.poll(async () => (await hubHealth(hub)).connections, WAIT).toBe(1);

  // A crashed tab cannot say goodbye. Whichever has the stream, all of them but one crash.
  const last = others.pop() as Page;
  for (const tab of [second, ...others]) {
    const session = await context.newCDPSession(tab);
    void session.send("Page.crash").catch(() => {});
  }
  sent.push(...(await publish("crash", 10)));
  await expect.poll(() => heardBy(last), WAIT).toEqual(sent);
  await statusOf(last).toBe("open");
  expect(await gapsOf(last)).toEqual([]);
  await expect.poll(async () => (await hubHealth(hub)).connections, WAIT).toBe(1);
}, 120_000);

test("a refused preflight is reported with the header that the other origin does not allow", async () => {
  const other = createServer((incoming, response) => {
    const isPreflight = incoming.method === "OPTIONS";
    const origin = { "Access-Control-Allow-Origin": incoming.headers.origin ?? "*" };
    response.writeHead(isPreflight ? 204 : 200, origin).end();
  });
  other.listen(0, "127.0.0.1");
  await once(other, "listening");
  try {
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}/sse`;
    const options = JSON.stringify({ url, headers: { "X-Tenant": "7" } });
    const page = await openTab(`?client=${encodeURIComponent(options)}`);
    await statusOf(page).toBe("reconnecting");
    const errors = await page.evaluate(() => Reflect.get(window, "errors") as string[]);
    expect(errors).toEqual([expect.stringContaining("x-tenant")]);
    await page.close();
  } finally {
    other.close();
    other.closeAllConnections();
  }
}, 60_000);
