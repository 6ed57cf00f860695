import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { publishTo, startHub } from "../hub/hub-process.ts";
import { type ClientPage, serveClientPage } from "../support/client-page.ts";
import { openStream } from "../support/event-stream.ts";
import type { Restartable } from "../support/restartable.ts";
import { type BrowserName, launchTestBrowser, type TestBrowser } from "../support/test-browser.ts";
import { waitFor } from "../support/wait-for.ts";

/** With the page's two, enough streams to share a window; see `minReaders` in `node/gzip.ts`. */
const OTHERS = 16;

let hub: Restartable;
let page: ClientPage;
beforeAll(async () => {
  hub = await startHub({ args: ["--compress", "--heartbeat-ms", "1000", "--drain-retry-ms", "0"] });
  page = await serveClientPage(hub.port);
});
afterAll(async () => {
  await page?.[Symbol.asyncDispose]();
  await hub?.[Symbol.asyncDispose]();
});

/** What the page's client and its native `EventSource` have received. */
interface Heard {
  readonly client: unknown[];
  readonly native: unknown[];
  readonly gaps: number;
  readonly encoding: string | null;
}

describe.each<BrowserName>(["Chromium", "Firefox"])("in %s", (name) => {
  let browser: TestBrowser;
  beforeAll(async () => {
    browser = await launchTestBrowser(name);
  });
  afterAll(async () => browser?.[Symbol.asyncDispose]());

  test("the client and EventSource read compressed streams", async () => {
    const others = Array.from({ length: OTHERS }, async () =>
      openStream(`${hub.url}/sse?channel=news`, { gzip: true }),
    );
    await Promise.all(others.map(async (each) => (await each).next("hello")));
    await using tab = await browser.open(`http://127.0.0.1:${page.port}/`);
    await tab.evaluate(async () => {
      const { headers, body } = await fetch("/sse?channel=news");
      await body?.cancel();
      const native: unknown[] = [];
      const source = new EventSource("/sse?channel=news");
      source.addEventListener("message", ({ data }) => native.push(JSON.parse(String(data))));
      Object.assign(globalThis, { native, encoding: headers.get("content-encoding") });
      await new Promise((resolve) => source.addEventListener("hello", resolve));
    }, null);
    const read = async (): Promise<Heard> =>
      tab.evaluate(() => {
        const own = globalThis as unknown as {
          heard: unknown[];
          gaps: unknown[];
          native: unknown[];
          encoding: string | null;
        };
        const { heard, gaps, native, encoding } = own;
        return { client: heard, native, gaps: gaps.length, encoding };
      }, null);
    await waitFor("the client to be open", async () =>
      tab.evaluate(() => document.title === "open", null),
    );

    const sent: unknown[] = [];
    const send = async (): Promise<void> => {
      const data = { n: sent.length, text: "é".repeat(sent.length * 40) };
      sent.push(data);
      await publishTo(hub, data, "news");
    };
    const untilHeard = async (): Promise<void> => {
      await waitFor("both to have received everything", async () => {
        const { client, native } = await read();
        return client.length === sent.length && native.length === sent.length;
      });
    };
    for (let n = 0; n < 20; n++) {
      await send();
      // A stream that joins, and one that leaves, in the middle of it.
      if (n === 8) (await openStream(`${hub.url}/sse?channel=news`, { gzip: true })).destroy();
    }
    await untilHeard();
    expect(await read()).toEqual({ client: sent, native: sent, gaps: 0, encoding: "gzip" });
    for (const each of others) (await each).destroy();
  });
});
