import { expect, test } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { publish } from "../support/http-api.ts";
import { startDemo } from "../support/demo-app.ts";

/** Text that has broken event streams before: line ends, NUL, byte order marks, halves of characters. */
const TEXTS = [
  "",
  " leading and trailing ",
  "\r",
  "\n",
  "\r\n",
  "a\r\nb\rc\nd\n\ne",
  "data: x\nid: 1\nevent: y\n\n",
  "\0",
  "a\0b",
  "\u2028\u2029\u0085\u000B\u000C",
  "\uFEFF",
  "\uFEFFa\uFEFF",
  "\uD800",
  "\uDC00\uD800x",
  "😀👩‍👩‍👧‍👦",
  "日本語 العربية",
  "\u0001\u001F\u007F\u009F",
  ":comment",
  '"\\/',
  "é".repeat(120_000),
  "😀".repeat(60_000),
];

test("every string reaches a real EventSource unchanged", async () => {
  await using app = await startDemo({ env: { SSE_BUS_OPEN_PUBLISH: "1" } });
  await using browser = await launchChromium();
  const page = await browser.newPage();
  await page.goto(app.url);
  await page.evaluate(
    (count) =>
      new Promise<void>((resolve) => {
        const source = new EventSource("/api/sse?channel=encoding");
        const received: unknown[] = [];
        const done = new Promise<unknown[]>((finish) => {
          source.addEventListener("message", ({ data }) => {
            received.push(JSON.parse(data as string));
            if (received.length === count) finish(received);
          });
        });
        Object.assign(globalThis, { done });
        source.addEventListener("hello", () => resolve());
      }),
    TEXTS.length,
  );
  for (const text of TEXTS) await publish(app.url, { data: text, channel: "encoding" });
  // As JSON, because the bridge to the browser cannot carry lone surrogates.
  const received = await page.evaluate(async () =>
    JSON.stringify(await (globalThis as unknown as { done: Promise<unknown> }).done),
  );
  expect(JSON.parse(received)).toEqual(TEXTS);
}, 60_000);
