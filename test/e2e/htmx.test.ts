import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { type Bus, createBus } from "../../packages/sse-bus/src/index.ts";
import { createHub, type Hub } from "../../packages/sse-bus/src/hub/index.ts";
import { launchChromium } from "../support/chromium.ts";
import { launchFirefox } from "../support/firefox.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";

const require = createRequire(import.meta.url);

let bus: Bus;
let hub: Hub;
let proxy: TcpProxy;
let url: string;
let browser: Browser;

beforeAll(async () => {
  bus = createBus();
  hub = createHub({ bus, openPublish: true });
  proxy = await startTcpProxy(Number(new URL(await hub.listen(0)).port));
  url = `http://127.0.0.1:${proxy.port}`;
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  await proxy?.[Symbol.asyncDispose]();
  await hub?.close();
  await bus?.close();
});

/** Opens this HTML as a page of the hub's origin, with htmx and its extension for event streams. */
async function open(body: string, fragments: Readonly<Record<string, string>> = {}): Promise<Page> {
  const page = await browser.newPage();
  const scripts = {
    "/htmx.js": require.resolve("htmx.org/dist/htmx.min.js"),
    "/sse.js": require.resolve("htmx-ext-sse/dist/sse.min.js"),
  };
  for (const [path, file] of Object.entries(scripts)) {
    const text = await readFile(file, "utf8");
    await page.route(url + path, (route) =>
      route.fulfill({ contentType: "text/javascript", body: text }),
    );
  }
  const html = `<!doctype html><script src="/htmx.js"></script><script src="/sse.js"></script>
    <script>document.addEventListener("htmx:sseOpen", () => (document.title = "open"))</script>
    <body hx-ext="sse">${body}`;
  for (const [path, text] of Object.entries({ "/page": html, ...fragments })) {
    await page.route(url + path, (route) =>
      route.fulfill({ contentType: "text/html; charset=utf-8", body: text }),
    );
  }
  await page.goto(`${url}/page`);
  return page;
}

test("htmx swaps HTML from the stream into the page unchanged", async () => {
  const page = await open(
    `<ul id="rows" sse-connect="/sse?channel=rows" sse-swap="message,row" hx-swap="beforeend"></ul>`,
  );
  await page.waitForFunction(() => document.title === "open");
  const row = '<li class="row">\n  <b>1 &lt; 2</b> 💚\n\n</li>';
  await bus.publish(row, { channel: "rows", raw: true });
  const posted = await fetch(`${url}/publish`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ data: "<li>posted</li>", channel: "rows", event: "row", raw: true }),
  });
  expect(posted.status).toBe(200);
  await page.locator("#rows li", { hasText: "posted" }).waitFor();
  expect(await page.locator("#rows").innerHTML()).toBe(`${row}<li>posted</li>`);
  await page.close();
}, 30_000);

test("htmx reconnects after a lost connection without missing or duplicate rows", async () => {
  const page = await open(
    `<ul id="rows" sse-connect="/sse?channel=list" sse-swap="message" hx-swap="beforeend"></ul>`,
  );
  await page.waitForFunction(() => document.title === "open");
  await bus.publish("<li>1</li>", { channel: "list", raw: true });
  await page.locator("#rows li").waitFor();
  proxy.reset();
  await bus.publish("<li>2</li>", { channel: "list", raw: true });
  await bus.publish("<li>3</li>", { channel: "list", raw: true });
  await page.locator("#rows li", { hasText: "3" }).waitFor();
  expect(await page.locator("#rows").innerHTML()).toBe("<li>1</li><li>2</li><li>3</li>");
  await page.close();
}, 30_000);

test("htmx loads a fragment again when a gap is reported", async () => {
  const page = await open(
    `<div sse-connect="/sse?channel=lost&from=9z-1-gone">
      <section hx-get="/rows" hx-trigger="sse:gap">
        <ul sse-swap="message" hx-swap="beforeend"></ul>
      </section>
    </div>`,
    { "/rows": '<ul sse-swap="message" hx-swap="beforeend"><li>whole</li></ul>' },
  );
  await page.locator("section li", { hasText: "whole" }).waitFor();
  await bus.publish("<li>next</li>", { channel: "lost", raw: true });
  await page.locator("section li", { hasText: "next" }).waitFor();
  expect(await page.locator("section li").allTextContents()).toEqual(["whole", "next"]);
  await page.close();
}, 30_000);

/** Text that has broken event streams before, without CR, NUL and halves of characters, which are rejected. */
const TEXTS = [
  "",
  "\n",
  "\n\n\n",
  " leading and trailing \n",
  "  indented\n    more",
  "data: x\nid: 1\nevent: y\n\n: comment",
  ":",
  "\u2028\u2029\u0085\u000B\u000C",
  "\uFEFF",
  "\uFEFFa\uFEFF\n\uFEFF\n\uFEFFb",
  "\u0001\u001F\u007F\u009F",
  "日本語 العربية 👩‍👩‍👧‍👦",
  '{"not": "json',
  "é\n".repeat(20_000),
];

/** Opens a native `EventSource` in the page; `done` returns what it has received. */
function receive(count: number): Promise<void> {
  return new Promise((resolve) => {
    const source = new EventSource("/sse?channel=texts");
    const received: string[] = [];
    const done = new Promise<string[]>((finish) => {
      source.addEventListener("message", ({ data }) => {
        if (received.push(data as string) === count) finish(received);
      });
    });
    Object.assign(globalThis, { done });
    source.addEventListener("hello", () => resolve());
  });
}

const received = async (): Promise<string[]> =>
  (globalThis as unknown as { done: Promise<string[]> }).done;

test.each(["Chromium", "Firefox"])(
  "every raw text reaches the EventSource of %s unchanged",
  async (name) => {
    await using firefox = name === "Firefox" ? await launchFirefox() : undefined;
    const page = firefox ? await firefox.newPage() : await browser.newPage();
    // Any page of the hub's origin that is not a built-in document of the browser.
    await page.goto(`${url}/metrics`);
    // Both libraries have it, with incompatible types.
    const evaluate = page.evaluate.bind(page) as (run: unknown, given?: number) => Promise<unknown>;
    await evaluate(receive, TEXTS.length);
    for (const text of TEXTS) await bus.publish(text, { channel: "texts", raw: true });
    expect(await evaluate(received)).toEqual(TEXTS);
    await page.close();
  },
  60_000,
);
