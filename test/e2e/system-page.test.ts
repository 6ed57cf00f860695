import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import {
  browserNames,
  launchTestBrowser,
  type Tab,
  type TestBrowser,
} from "../support/test-browser.ts";
import { waitFor } from "../support/wait-for.ts";

const machine = "[aria-labelledby=card-machine]";
const log = "[aria-labelledby=card-app-log]";

let app: NextServer;
beforeAll(async () => {
  app = await startDemo();
});
afterAll(async () => app?.[Symbol.asyncDispose]());

describe.each(browserNames)("/system in %s", (name) => {
  let browser: TestBrowser;
  beforeAll(async () => {
    browser = await launchTestBrowser(name);
  });
  afterAll(async () => browser?.[Symbol.asyncDispose]());

  it("shows this machine's numbers, and a newer sample each second", async () => {
    await using tab = await browser.open(`${app.url}/system`);
    await tab.waitForText(`${machine} [data-testid=connection-state]`, "Live");
    await tab.waitForText(`${machine} [data-tile=CPU] [data-testid=value]`, /^\d+ %$/);
    await tab.waitForText(`${machine} [data-tile=Memory] [data-testid=value]`, /^[\d.]+ [MGT]B$/);
    await tab.waitForText(
      `${machine} [data-tile="Event-loop delay"] [data-testid=value]`,
      /^[\d.]+ ms$/,
    );
    await tab.waitForText(`${machine} [data-tile=Disk] [data-testid=value]`, /B\/s$/);
    await tab.waitForText(`${machine} [data-tile=Network] [data-testid=value]`, /B\/s$/);
    const notes = new Set<string>();
    await waitFor("three samples that differ", async () => {
      notes.add(await tab.text(`${machine} [data-tile=Memory]`));
      return notes.size >= 3;
    });
    expect(await tab.violations()).toEqual([]);
  });

  it("shows the app's lines to every window, by level", async () => {
    await using tab = await browser.open(`${app.url}/system`);
    await using other = await browser.open(`${app.url}/system`);
    await tab.waitForText(`${log} [data-testid=connection-state]`, "Live");
    await other.waitForText(`${log} [data-testid=connection-state]`, "Live");
    const before = await count(other, "something is about to go wrong");
    await writeLines(tab);
    await waitFor(
      "the line in the other window",
      async () => (await count(other, "something is about to go wrong")) === before + 1,
    );
    await other.click(`${log} fieldset label:nth-of-type(2) input`);
    await waitFor(
      "warnings to be filtered out",
      async () => (await count(other, "something is about to go wrong")) === 0,
    );
    expect(await count(other, "as asked for")).toBeGreaterThan(0);
    // The server renders them too: history is there before any script runs.
    const html = await (await fetch(`${app.url}/system`)).text();
    expect(html).toContain("something is about to go wrong");
    expect(html).toMatch(/\d+ cores/);
  });

  it("holds lines back while paused, and loses none of them", async () => {
    await using tab = await browser.open(`${app.url}/system`);
    await tab.waitForText(`${log} [data-testid=connection-state]`, "Live");
    const before = await count(tab, "nothing to see here");
    await tab.click(`${log} button[aria-pressed]`);
    await writeLines(tab);
    await tab.waitForText(log, "Paused: 4 more received");
    expect(await count(tab, "nothing to see here")).toBe(before);
    await tab.click(`${log} button[aria-pressed]`);
    await waitFor(
      "the held line",
      async () => (await count(tab, "nothing to see here")) === before + 1,
    );
  });

  it("loses no line when its connection is cut", async () => {
    await using proxy = await startTcpProxy(app.port);
    await using tab = await browser.open(`http://127.0.0.1:${proxy.port}/system`);
    await using other = await browser.open(`${app.url}/system`);
    await tab.waitForText(`${log} [data-testid=connection-state]`, "Live");
    const before = await count(tab, "nothing to see here");
    await proxy.cut();
    await tab.waitForText(`${log} [data-testid=connection-state]`, "Reconnecting");
    await writeLines(other);
    await other.waitForText(log, "as asked for");
    await proxy.mend();
    await tab.waitForText(`${log} [data-testid=connection-state]`, "Live", { timeoutMs: 15_000 });
    await waitFor(
      "the line from the meantime",
      async () => (await count(tab, "nothing to see here")) === before + 1,
    );
  });
});

async function writeLines(tab: Tab): Promise<void> {
  await tab.click(`${log} header button:last-child`);
}

async function count(tab: Tab, text: string): Promise<number> {
  const lines = await tab.evaluate(
    () => [...document.querySelectorAll("[role=log] li bdi")].map((line) => line.textContent),
    null,
  );
  return lines.filter((line) => line?.includes(text)).length;
}
