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
  /** Two windows that the tests share. */
  let tab: Tab;
  let other: Tab;
  beforeAll(async () => {
    browser = await launchTestBrowser(name);
    [tab, other] = [
      await browser.open(`${app.url}/system`),
      await browser.open(`${app.url}/system`),
    ];
    for (const each of [tab, other]) {
      await each.waitForText(`${machine} [data-testid=connection-state]`, "Live");
    }
  });
  afterAll(async () => browser?.[Symbol.asyncDispose]());

  it("shows this machine's numbers, and a newer sample each second", async () => {
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

  it("shows the app's log lines in every window, by level", async () => {
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
    // The server renders them too: history is shown before any script runs.
    const html = await (await fetch(`${app.url}/system`)).text();
    expect(html).toContain("something is about to go wrong");
    expect(html).toMatch(/\d+ cores/);
  });

  it("holds log lines while paused, and loses none", async () => {
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

  it("loses no log line when its connection is cut", async () => {
    await using proxy = await startTcpProxy(app.port);
    await using cut = await browser.open(`http://127.0.0.1:${proxy.port}/system`);
    await cut.waitForText(`${machine} [data-testid=connection-state]`, "Live");
    const before = await count(cut, "nothing to see here");
    const asked = await count(other, "as asked for");
    await proxy.cut();
    await cut.waitForText(`${machine} [data-testid=connection-state]`, "Reconnecting");
    await writeLines(other);
    await waitFor(
      "the lines in the other window",
      async () => (await count(other, "as asked for")) > asked,
    );
    await proxy.mend();
    await cut.waitForText(`${machine} [data-testid=connection-state]`, "Live", {
      timeoutMs: 15_000,
    });
    await waitFor(
      "the line logged during the disconnect",
      async () => (await count(cut, "nothing to see here")) === before + 1,
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
