import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { health, publish } from "../support/http-api.ts";
import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";

let browser: Browser;
let app: NextServer;

beforeAll(async () => {
  browser = await launchChromium();
  app = await startDemo({ env: { SSE_BUS_OPEN_PUBLISH: "1" } });
});
afterAll(async () => {
  await browser?.close();
  await app?.[Symbol.asyncDispose]();
});

const isOpen = (page: Page) => page.getByTestId("connection-state").getByText("Live").waitFor();

test("messages published between the server's render and the connection are in the log, in order", async () => {
  await publish(app.url, { data: "before the render" });
  await using page = await browser.newPage();
  let connect = (): void => {};
  const mayConnect = new Promise<void>((resolve) => (connect = resolve));
  await page.route("**/api/sse*", async (route) => {
    await mayConnect;
    await route.continue();
  });
  await page.goto(`${app.url}/hook`);
  for (const text of ["one", "two", "three"])
    await publish(app.url, { data: `${text} in between` });
  connect();
  await isOpen(page);
  await publish(app.url, { data: "live" });
  await page.getByText('"live"').waitFor();
  const rows = await page.getByRole("log").getByRole("listitem").allInnerTexts();
  const texts = rows.map((row) => row.slice(row.lastIndexOf("\n") + 1));
  expect(texts).toEqual(
    ["live", "three in between", "two in between", "one in between"].map((text) => `"${text}"`),
  );
}, 60_000);

test("pages of one browser share one stream", async () => {
  await using context = await browser.newContext();
  const pages = await Promise.all([context.newPage(), context.newPage(), context.newPage()]);
  for (const page of pages) {
    await page.goto(`${app.url}/hook`);
    await isOpen(page);
  }
  await expect.poll(async () => (await health(app.url)).connections).toBe(1);
  await publish(app.url, { data: "for all" });
  await Promise.all(pages.map((page) => page.getByText('"for all"').waitFor()));
}, 60_000);
