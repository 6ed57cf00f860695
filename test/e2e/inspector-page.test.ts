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
const instance = "[aria-labelledby=card-instance]";
const messages = "[aria-labelledby=card-messages]";

let app: NextServer;
beforeAll(async () => {
  app = await startDemo({
    env: { SSE_BUS_INSPECTOR_TOKEN: token, SSE_BUS_OPEN_PUBLISH: "1" },
  });
});
afterAll(async () => app?.[Symbol.asyncDispose]());

describe("/inspector in production", () => {
  const paths = [
    "/inspector",
    "/api/inspector?channel=inspector/instances",
    "/api/inspector/demo?channel=inspector/demo/00000000-0000-0000-0000-000000000000",
    "/api/inspector/enter",
    "/api/inspector/enter?token=",
    "/api/inspector/enter?token=a%20wrong%20one",
  ];

  it("is a 404 without the token", async () => {
    for (const path of paths)
      expect([path, await statusOf(`${app.url}${path}`)]).toEqual([path, 404]);
    const forged = { headers: { cookie: `sse_bus_inspector=${encodeURIComponent(token)}` } };
    expect(await statusOf(`${app.url}/inspector`, forged)).toBe(404);
  });

  it("is a 404 if the environment has no token", async () => {
    await using closed = await startDemo({ env: { SSE_BUS_INSPECTOR_TOKEN: "" } });
    for (const path of paths) {
      expect([path, await statusOf(`${closed.url}${path}`)]).toEqual([path, 404]);
    }
  });

  it("is open with the token, and does not store it in the cookie", async () => {
    const response = await fetch(enter(), { redirect: "manual" });
    expect(response.headers.get("location")).toMatch(/\/inspector$/);
    const cookie = response.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/HttpOnly/i);
    expect(cookie).not.toContain(token.slice(0, 7));
    const headers = { cookie: cookie.split(";", 1)[0] as string };
    expect(await statusOf(`${app.url}/inspector`, { headers })).toBe(200);
  });

  it("accepts ten attempts per minute and client, then rejects even the right token", async () => {
    const tryAs = async (client: string, path: string) =>
      fetch(app.url + path, { headers: { "x-forwarded-for": client }, redirect: "manual" });
    const wrong = "/api/inspector/enter?token=a%20wrong%20one";
    for (let count = 1; count <= 10; count++) {
      expect((await tryAs("203.0.113.7", wrong)).status).toBe(404);
    }
    const right = new URL(enter());
    const refused = await tryAs("203.0.113.7", right.pathname + right.search);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(50);
    expect(refused.headers.get("set-cookie")).toBeNull();
    const other = await tryAs("203.0.113.8", right.pathname + right.search);
    expect(other.headers.get("location")).toMatch(/\/inspector$/);
  });

  it("publishes nothing to readers of all channels", async () => {
    const abort = new AbortController();
    const everything = await fetch(`${app.url}/api/sse?channel=**`, { signal: abort.signal });
    const { headers } = await fetch(enter(), { redirect: "manual" });
    const cookie = (headers.get("set-cookie") ?? "").split(";", 1)[0] as string;
    const own = await fetch(`${app.url}/api/inspector?channel=inspector/instances&from=latest`, {
      headers: { cookie },
      signal: abort.signal,
    });
    expect(own.headers.get("cache-control")).toContain("no-transform");
    expect(await readUntil(own, "memoryBytes")).toContain('"connections"');
    // A client that requests the inspector's channels without permission receives nothing.
    await fetch(`${app.url}/api/sse?channel=inspector/instances`, { signal: abort.signal });
    await fetch(`${app.url}/api/publish?msg=the-end`);
    const text = await readUntil(everything, "the-end");
    expect(text).not.toContain("inspector/instances");
    expect(text).not.toContain("memoryBytes");
    // Sealed data could be opened offline by guessing the token.
    expect(text).not.toContain("@inspector/");
    abort.abort();
  });
});

async function readUntil({ body }: Response, end: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body as ReadableStream<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes(end)) return text;
  }
  throw new Error(`The stream ended before ${end}: ${text}`);
}

describe.each(browserNames)("/inspector in %s", (name) => {
  let browser: TestBrowser;
  let tab: Tab;
  beforeAll(async () => {
    browser = await launchTestBrowser(name);
    tab = await browser.open(enter());
    await tab.waitForText(`${demo} [data-testid=connection-state]`, "Live");
    await tab.waitForText(count("Received"), /[1-9]/);
  });
  afterAll(async () => browser?.[Symbol.asyncDispose]());

  it("shows connections, channels and rates, and is accessible", async () => {
    await tab.waitForText(`${instance} [data-testid=connection-state]`, "Live");
    await tab.waitForText(`${instance} [data-rate=Published]`, /[\d.]+\/s/);
    await tab.waitForText(
      "[aria-labelledby=card-connections] tbody",
      /inspector\/demo[^]*(web|direct)/,
    );
    await tab.waitForText(
      "[aria-labelledby=card-channels] tbody",
      /inspector\/demo[^]*[1-9][\d.]*\/s/,
    );
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
    await tab.waitForText("[aria-labelledby=card-connections] tbody", /\d+ behind/);
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

  it("publishes a message, shows it as text, and rejects an invalid one with the code", async () => {
    await tab.waitForText(`${messages} [data-testid=connection-state]`, "Live");
    await tab.fill("input[name=channel]", "inspected/channel");
    await tab.evaluate(() => {
      const area = document.querySelector<HTMLTextAreaElement>("textarea[name=data]");
      if (area) area.value = '{"html":"<img src=x onerror=alert(1)>"}';
    }, null);
    await tab.click("form:has(textarea) button[type=submit]");
    await tab.waitForText("[data-testid=published]", /Published as \S+@inspected\/channel/);
    await tab.waitForText(messages, "<img src=x onerror=alert(1)>");
    await tab.fill("input[name=words]", "nothing has this");
    await tab.waitForText(messages, "No message contains this text.");
    await tab.fill("input[name=channel]", "not a channel!");
    await tab.click("form:has(textarea) button[type=submit]");
    await tab.waitForText("[data-testid=published]", "INVALID_CHANNEL");
  });
});

function enter(): string {
  return `${app.url}/api/inspector/enter?token=${encodeURIComponent(token)}`;
}

async function statusOf(url: string, init: RequestInit = {}): Promise<number> {
  const response = await fetch(url, init);
  await response.body?.cancel();
  return response.status;
}

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
