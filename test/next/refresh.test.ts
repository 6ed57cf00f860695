import { Pool } from "pg";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { type Bus, createBus } from "../../packages/sse-bus/src/index.ts";
import { postgresBackend } from "../../packages/sse-bus/src/postgres/index.ts";
import { launchChromium } from "../support/chromium.ts";
import type { NextServer } from "../support/next-server.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { builtTestApp } from "../support/test-app.ts";

// The pages of test/refresh-app, on a real database that this test changes, too.

let postgres: PostgresServer;
let pool: Pool;
let bus: Bus;
let app: NextServer;
let browser: Browser;
let context: BrowserContext;

beforeAll(async () => {
  const testApp = await builtTestApp();
  postgres = await startPostgres();
  pool = new Pool({ connectionString: postgres.url });
  bus = createBus({ backend: postgresBackend({ pool }) });
  await pool.query("CREATE TABLE orders (id integer PRIMARY KEY, status text NOT NULL)");
  await bus.cursor();
  [app, browser] = await Promise.all([
    testApp.start({ env: { DATABASE_URL: postgres.url } }),
    launchChromium(),
  ]);
  context = await browser.newContext();
}, 300_000);

afterAll(async () => {
  await browser?.close();
  await app?.[Symbol.asyncDispose]();
  await bus?.close();
  await pool?.end();
  await postgres?.[Symbol.asyncDispose]();
});

beforeEach(async () => {
  await pool.query("DELETE FROM orders");
  await pool.query("INSERT INTO orders VALUES (1, 'new'), (2, 'new')");
});

/** A change elsewhere: in another program, with its message in the same transaction. */
async function change(id: number, status: string): Promise<void> {
  const tx = await pool.connect();
  try {
    await tx.query("BEGIN");
    await tx.query("UPDATE orders SET status = $2 WHERE id = $1", [id, status]);
    await bus.publish({ id }, { channel: "orders", tx });
    await tx.query("COMMIT");
  } finally {
    tx.release();
  }
}

async function openPage(): Promise<Page> {
  const page = await context.newPage();
  onTestFinished(() => page.close());
  return page;
}

async function open(path: string): Promise<Page> {
  const page = await openPage();
  await page.goto(`${app.url}/refresh/${path}`);
  return page;
}

const shows = (page: Page, text: string) =>
  expect.poll(() => page.locator("section").innerText()).toContain(text);

/** Counts what the page asks the server for, by path. */
function countRequests(page: Page, path: string): () => number {
  let count = 0;
  page.on("request", (request) => {
    if (new URL(request.url()).pathname === `/refresh/${path}`) count++;
  });
  return () => count;
}

test("a change made elsewhere is on the screen of a server component, and the page is not reloaded", async () => {
  const page = await open("orders");
  await shows(page, "Order 1: new");
  await page.evaluate("window.isSame = true");
  await change(1, "paid");
  await shows(page, "Order 1: paid");
  expect(await page.evaluate("window.isSame")).toBe(true);
});

test("ten changes in a second cost at most two renders", async () => {
  const page = await open("orders");
  await change(1, "paid");
  await shows(page, "Order 1: paid");
  // The window of that change has passed once another one is shown.
  await change(1, "packed");
  await shows(page, "Order 1: packed");
  const renders = countRequests(page, "orders");
  const start = performance.now();
  await Promise.all(Array.from({ length: 9 }, () => change(1, "shipped")));
  await change(2, "shipped");
  const seconds = Math.ceil((performance.now() - start) / 1_000);
  await shows(page, "Order 2: shipped");
  expect(renders()).toBeGreaterThan(0);
  expect(renders()).toBeLessThanOrEqual(1 + seconds);
});

test("a slow render is not overtaken by the next one, and a change during it is rendered after it", async () => {
  const page = await open("orders");
  await shows(page, "Order 1: new");
  const held: (() => void)[] = [];
  await page.route("**/refresh/orders*", async (route) => {
    const response = await route.fetch();
    await new Promise<void>((resolve) => held.push(resolve));
    await route.fulfill({ response });
  });
  await change(1, "paid");
  await expect.poll(() => held.length).toBe(1);
  await change(2, "paid");
  // Longer than `windowMs`, in which a second request could start.
  await page.evaluate("new Promise((resolve) => setTimeout(resolve, 1500))");
  expect(held).toHaveLength(1);
  held[0]?.();
  await shows(page, "Order 1: paid");
  await expect.poll(() => held.length).toBe(2);
  expect(await page.locator("section").innerText()).toContain("Order 2: new");
  held[1]?.();
  await shows(page, "Order 2: paid");
});

test("changes during a restart of the server are shown after it, and the page is not reloaded", async () => {
  const page = await open("orders");
  await page.evaluate("window.isSame = true");
  await change(1, "paid");
  await shows(page, "Order 1: paid");
  // A refresh is due when the server stops. If it failed, Next.js would load the page from the server.
  await change(1, "packed");
  await app.stop();
  await change(1, "shipped");
  await app.start();
  await shows(page, "Order 1: shipped");
  expect(await page.evaluate("window.isSame")).toBe(true);
});

test("a page that was left and is opened again with the back button shows what has changed", async () => {
  const page = await open("orders");
  await shows(page, "Order 1: new");
  await page.click("text=Query");
  await page.waitForURL("**/refresh/query");
  await shows(page, "Order 1: new");
  await change(1, "paid");
  await shows(page, "Order 1: paid");
  await page.goBack();
  await page.waitForURL("**/refresh/orders");
  await shows(page, "Order 1: paid");
});

test("a cached page is rendered again when its tag has expired before the message", async () => {
  const page = await open("cached");
  await shows(page, "Order 1: new");
  await pool.query("UPDATE orders SET status = 'paid' WHERE id = 1");
  await page.reload();
  await shows(page, "Order 1: new");
  await fetch(`${app.url}/refresh/expire`, { method: "POST" });
  await shows(page, "Order 1: paid");
});

test.each(["query", "swr"])(
  "with %s, a change during the first load is not lost, and ten changes cost at most two loads",
  async (path) => {
    const page = await openPage();
    let release = (): void => {};
    let loads = 0;
    await page.route("**/refresh/list", async (route) => {
      const response = await route.fetch();
      // The first answer has the old data, and arrives last.
      if (++loads === 1) {
        await change(1, "paid");
        await new Promise<void>((resolve) => (release = resolve));
      }
      await route.fulfill({ response }).catch(() => {});
    });
    await page.goto(`${app.url}/refresh/${path}`);
    await shows(page, "Order 1: paid");
    release();
    await change(1, "packed");
    await shows(page, "Order 1: packed");
    const before = loads;
    const start = performance.now();
    await Promise.all(Array.from({ length: 9 }, () => change(1, "shipped")));
    await change(2, "shipped");
    const seconds = Math.ceil((performance.now() - start) / 1_000);
    await shows(page, "Order 2: shipped");
    expect(loads - before).toBeGreaterThan(0);
    expect(loads - before).toBeLessThanOrEqual(1 + seconds);
  },
);
