import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";
import {
  browserNames,
  launchTestBrowser,
  type Tab,
  type TestBrowser,
} from "../support/test-browser.ts";
import { waitFor } from "../support/wait-for.ts";

const token = "a token for the tests, long enough";
const demo = "[aria-labelledby^=card-the-guarantees]";
const notes = `${demo} [role=log]`;

let app: NextServer;
beforeAll(async () => {
  app = await startDemo({ env: { SSE_BUS_INSPECTOR_TOKEN: token, SSE_BUS_OPEN_PUBLISH: "1" } });
});
afterAll(async () => app?.[Symbol.asyncDispose]());

describe("in production", () => {
  const statusOf = async (url: string, headers: Record<string, string> = {}): Promise<number> => {
    const response = await fetch(url, { headers });
    await response.body?.cancel();
    return response.status;
  };
  const id = "00000000-0000-0000-0000-000000000000";

  it("/guarantees and /inspector are a 404 without open publishing and a token", async () => {
    await using closed = await startDemo({ env: { SSE_BUS_INSPECTOR_TOKEN: "" } });
    const stream = `/api/guarantees?channel=guarantees/${id}`;
    for (const path of ["/guarantees", stream, "/inspector"]) {
      expect([path, await statusOf(closed.url + path)]).toEqual([path, 404]);
    }
  });

  it("/inspector asks for the token, and has its own policy alone", async () => {
    const url = `${app.url}/inspector`;
    expect(await statusOf(url)).toBe(401);
    const authorization = `Basic ${Buffer.from(`any:${token}`).toString("base64")}`;
    expect(await statusOf(`${url}?channel=**`, { accept: "text/event-stream" })).toBe(401);
    const response = await fetch(url, { headers: { authorization } });
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(response.headers.get("content-security-policy")).toMatch(
      /^default-src 'none'; script-src 'sha256-/,
    );
    expect(response.headers.get("x-frame-options")).toBe("DENY");
    expect(await response.text()).toContain("<title>Inspector");
  });

  it("/inspector in a browser shows the app's streams, and reads messages over its own stream", async () => {
    await using browser = await launchTestBrowser("Chromium");
    const page = app.url.replace("//", `//any:${encodeURIComponent(token)}@`);
    await using tab = await browser.open(`${page}/inspector`);
    await tab.waitForText("#state", "Live");
    await tab.waitForText("#tail-state", "Live");
    await tab.waitForText("#tables tbody", /\*\*[^]*direct/);
    await fetch(`${app.url}/api/publish?msg=seen-by-the-inspector`);
    await tab.waitForText("#tail", "seen-by-the-inspector");
  });
});

describe.each(browserNames)("/guarantees in %s", (name) => {
  let browser: TestBrowser;
  let tab: Tab;
  beforeAll(async () => {
    browser = await launchTestBrowser(name);
    tab = await browser.open(`${app.url}/guarantees`);
    await tab.waitForText(`${demo} [data-testid=connection-state]`, "Live");
    await tab.waitForText(count("Received"), /[1-9]/);
  });
  afterAll(async () => browser?.[Symbol.asyncDispose]());

  it("is accessible", async () => {
    expect(await tab.violations()).toEqual([]);
  });

  it("resumes after a cut connection without loss", async () => {
    await tab.click("[data-command=cut]");
    await tab.waitForText(notes, /The connection is closed\.[^]*hello: resumed after number \d+/);
    await goesOn(tab);
    await losesNothing(tab);
  });

  it("ends its stream with `bye` when drained, and resumes without loss", async () => {
    await tab.click("[data-command=drain]");
    await tab.waitForText(notes, /bye \(drain\)[^]*hello: resumed/);
    await goesOn(tab);
    await losesNothing(tab);
  });

  it("shows the lag of a stalled reader, then delivers all ticks and the newest message of each key", async () => {
    await tab.click("[data-command=stall]");
    await tab.waitForText(`${demo} [data-testid=demo-lag]`, /^[1-9]\d*$/);
    await tab.click("[data-command=stall]");
    await tab.waitForText(notes, /Received the newest of \d+ keyed messages/);
    await tab.waitForText(`${demo} [data-testid=demo-lag]`, /^0$/);
    await losesNothing(tab);
  });

  it("reports a gap if the messages after its cursor are evicted", async () => {
    await tab.click("[data-command=evict]");
    await tab.waitForText(notes, /gap \(evicted\)[^]*The gap was [\d,]+ messages/);
    await tab.waitForText(count("Lost, reported in a gap"), /^[1-9]/);
    expect(await tab.text(count("Lost without a gap"))).toBe("0");
    await goesOn(tab);
  });
});

function count(name: string): string {
  return `${demo} [data-count="${name}"]`;
}

/** Waits until more ticks have arrived. */
async function goesOn(tab: Tab): Promise<void> {
  const before = await received(tab);
  await waitFor("more ticks", async () => (await received(tab)) > before);
}

async function received(tab: Tab): Promise<number> {
  return Number((await tab.text(count("Received"))).replaceAll(",", ""));
}

async function losesNothing(tab: Tab): Promise<void> {
  expect(await tab.text(count("Lost without a gap"))).toBe("0");
  expect(await tab.text(count("Lost, reported in a gap"))).toBe("0");
}
