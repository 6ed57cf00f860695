import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { launchChromium } from "../support/chromium.ts";
import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import {
  browserNames,
  launchTestBrowser,
  type Tab,
  type TestBrowser,
} from "../support/test-browser.ts";

const chat = "[aria-labelledby=card-chat]";
const alerts = "[aria-labelledby=card-alerts]";
const unread = "[aria-labelledby=card-unread]";
const connection = "[data-testid=connection-state]";
const toasts = "[data-testid=toasts]";
const present = "[data-testid=present]";

let app: NextServer;
let url: string;
beforeAll(async () => {
  app = await startDemo();
  url = `${app.url}/notifications`;
});
afterAll(async () => app?.[Symbol.asyncDispose]());

describe.each(browserNames)("/notifications in %s", (name) => {
  let browser: TestBrowser;
  beforeAll(async () => {
    browser = await launchTestBrowser(name);
  });
  afterAll(async () => browser?.[Symbol.asyncDispose]());

  it("has a chat: who is there, who types, and what they write, as text and nothing else", async () => {
    await using ada = await browser.open(url);
    await using grace = await browser.open(url);
    await Promise.all([ada.waitForText(connection, "Live"), grace.waitForText(connection, "Live")]);
    await rename(ada, `Ada of ${name}`);
    await grace.waitForText(present, `Ada of ${name}`);
    await ada.waitForText(present, `Ada of ${name} (you)`);
    const markup = `<img src=x onerror="document.title='broken in'"> in ${name}`;
    await ada.fill("#post-send", markup);
    await grace.waitForText("[data-testid=typing]", `Ada of ${name} is typing…`);
    await ada.click(`${chat} button[type=submit]`);
    await grace.waitForText(`${chat} [role=log]`, markup);
    await grace.waitForText("[aria-labelledby=card-activity]", `Ada of ${name} wrote: ${markup}`);
    expect(await grace.evaluate(() => document.querySelectorAll("main img").length, null)).toBe(0);
    expect(await grace.violations()).toEqual([]);
    // The server renders it for the next page.
    expect(await (await fetch(url)).text()).toContain("&lt;img src=x onerror=");
    await ada.goto(`${app.url}/hook`);
    await grace.waitForText(present, notContaining(`Ada of ${name}`));
  });

  it("counts what is unread over a reload and an absence, alike in all windows of a browser", async () => {
    await using ada = await browser.open(url);
    await using grace = await browser.open(url);
    await Promise.all([ada.waitForText(connection, "Live"), grace.waitForText(connection, "Live")]);
    await say(grace, `First in ${name}`);
    await ada.waitForText(count("Messages"), /Messages\s*1$/);
    await ada.goto(`${app.url}/hook`);
    await say(grace, `Meanwhile in ${name}`);
    await raise(grace, `Look at ${name}`);
    await ada.bringToFront();
    await ada.goto(url);
    await ada.waitForText(count("Messages"), /Messages\s*2$/);
    await ada.waitForText(count("Alerts"), /Alerts\s*1$/);
    expect(await ada.evaluate(() => document.title, null)).toMatch(/^\(3\) /);
    const beside = await ada.openTab(url);
    await beside.waitForText(count("Messages"), /Messages\s*2$/);
    await beside.click(`${unread} header button`);
    await ada.waitForText(count("Messages"), /Messages\s*0$/);
    await ada.waitForText(count("Alerts"), /Alerts\s*0$/);
    // One's own is read.
    await say(ada, `Mine in ${name}`);
    await ada.waitForText(`${chat} [role=log]`, `Mine in ${name}`);
    await ada.waitForText(count("Messages"), /Messages\s*0$/);
    expect(await ada.layoutShift()).toBeLessThan(0.01);
  });

  it("says that there was more when history does not reach back to what was read", async () => {
    await using ada = await browser.open(url);
    await ada.waitForText(connection, "Live");
    await ada.waitForText(count("Messages"), /Messages\s*\d/);
    await ada.evaluate(() => localStorage.setItem("sse-bus.read", "5-m0000000-before"), null);
    await ada.goto(url);
    await ada.waitForText(`${unread} [data-testid=reach]`, "You have more unread");
    await ada.click(`${unread} header button`);
    await ada.waitForText(`${unread} [data-testid=reach]`, "Counted from what");
    await ada.waitForText(count("Messages"), /Messages\s*0$/);
  });

  it("shows an alert in every window until it is dismissed or acknowledged", async () => {
    await using ada = await browser.open(url);
    await using grace = await browser.open(url);
    await Promise.all([ada.waitForText(connection, "Live"), grace.waitForText(connection, "Live")]);
    await rename(grace, `Grace of ${name}`);
    await raise(ada, `Disk full in ${name}`);
    await Promise.all([
      ada.waitForText(toasts, `Disk full in ${name}`),
      grace.waitForText(toasts, `Disk full in ${name}`),
    ]);
    expect(await ada.violations()).toEqual([]);
    await grace.bringToFront();
    await grace.click(`${alerts} li:last-child button`);
    await ada.waitForText(`${alerts} li:last-child`, `Grace of ${name} acknowledged`);
    await ada.waitForText(toasts, /^$/);
    await raise(ada, `Fan broken in ${name}`);
    await ada.waitForText(toasts, `Fan broken in ${name}`);
    await ada.press("Escape");
    await ada.waitForText(toasts, /^$/);
    await grace.bringToFront();
    await grace.waitForText(toasts, `Fan broken in ${name}`);
    await grace.click(`${toasts} button`);
    await grace.waitForText(toasts, /^$/);
  });

  it("loses nothing when its connection is cut", async () => {
    await using proxy = await startTcpProxy(app.port);
    await using ada = await browser.open(`http://127.0.0.1:${proxy.port}/notifications`);
    await using grace = await browser.open(url);
    await Promise.all([ada.waitForText(connection, "Live"), grace.waitForText(connection, "Live")]);
    await proxy.cut();
    await ada.waitForText(connection, "Reconnecting");
    await say(ada, `Into the void of ${name}`);
    await ada.waitForText(`${chat} form output`, "could not be reached");
    expect(await ada.evaluate(typed, null)).toBe(`Into the void of ${name}`);
    await say(grace, `While you were out of ${name}`);
    await raise(grace, `Line cut in ${name}`);
    await grace.waitForText(`${chat} [role=log]`, `While you were out of ${name}`);
    await ada.bringToFront();
    await proxy.mend();
    await ada.waitForText(connection, "Live", { timeoutMs: 15_000 });
    await ada.waitForText(`${chat} [role=log]`, `While you were out of ${name}`);
    await ada.waitForText(toasts, `Line cut in ${name}`);
    await ada.waitForText(count("Messages"), /Messages\s*1$/);
  });
});

describe("in Chromium alone", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(async () => browser?.close());

  it("asks by its button alone for browser notifications, which tell of alerts while it is hidden", async () => {
    await using context = await browser.newContext();
    await using page = await context.newPage();
    await page.addInitScript(() => {
      const shown: string[] = [];
      const Real = globalThis.Notification;
      class Recorded extends Real {
        constructor(title: string, options?: NotificationOptions) {
          super(title, options);
          shown.push(title);
        }
        static override async requestPermission(): Promise<NotificationPermission> {
          shown.push("asked");
          return Real.requestPermission();
        }
      }
      Object.assign(globalThis, { Notification: Recorded, shown });
    });
    const shown = async () => page.evaluate<string[]>("shown");
    await page.goto(url);
    await page.getByTestId("connection-state").getByText("Live").waitFor();
    expect(await shown()).toEqual([]);
    await context.grantPermissions(["notifications"]);
    await page.getByRole("button", { name: "Allow browser notifications" }).click();
    await page.getByText("Browser notifications are on").waitFor();
    await page.locator("#post-raise").fill("seen on the page");
    await page.keyboard.press("Enter");
    await page.getByTestId("toasts").getByText("seen on the page").waitFor();
    await page.evaluate(() =>
      Object.defineProperty(document, "visibilityState", { value: "hidden" }),
    );
    await page.locator("#post-raise").fill("nobody looks");
    await page.keyboard.press("Enter");
    await expect.poll(shown).toEqual(["asked", "warning: nobody looks"]);
  });

  it("refuses, with what was typed, who posts too often", async () => {
    await using page = await browser.newPage();
    await page.goto(url);
    await page.getByTestId("connection-state").getByText("Live").waitFor();
    await page.evaluate(() => {
      const input = document.querySelector<HTMLInputElement>("#post-send");
      for (let turn = 1; input && turn <= 15; turn++) {
        input.value = `flood ${turn}`;
        input.form?.requestSubmit();
      }
    });
    await page.getByText(/Too many requests\. Try again in \d s/).waitFor();
    await expect.poll(async () => page.evaluate(typed)).toBe("flood 15");
  });
});

describe("POST /api/presence", () => {
  const sign = {
    window: "0".repeat(32),
    person: "1".repeat(32),
    name: "Ada",
    turn: 0,
    status: "here",
  };

  it("refuses what another site could send, and what is not a sign of life", async () => {
    expect((await fetch(`${app.url}/api/presence`, { method: "POST", body: "{}" })).status).toBe(
      403,
    );
    expect(await post(sign)).toBe(204);
    expect(await post({ ...sign, turn: 1, status: "left" })).toBe(204);
    expect(await post({ ...sign, turn: -1 })).toBe(400);
    expect(await post({ ...sign, status: "gone" })).toBe(400);
    expect(await post({ ...sign, name: "x".repeat(33) })).toBe(400);
    expect(await post({ ...sign, name: "A\u202Eda" })).toBe(400);
    expect(await post({ ...sign, window: "../../etc" })).toBe(400);
    expect(await post({ ...sign, name: "x".repeat(2_000) })).toBe(413);
    expect(await post(null)).toBe(400);
  });

  it("cannot be used to silence a visitor by the id that everyone sees", async () => {
    const abort = new AbortController();
    const query = "channel=notifications/presence&from=latest";
    const stream = await fetch(`${app.url}/api/sse?${query}`, { signal: abort.signal });
    const secret = "5".repeat(32);
    expect(await post({ ...sign, person: "2".repeat(32), window: secret, turn: 1 })).toBe(204);
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of stream.body as ReadableStream<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      if (text.includes("2".repeat(32))) break;
    }
    abort.abort();
    const [, seen = ""] = /"window":"([\da-f]{32})"[^]*$/.exec(text) ?? [];
    expect(seen).toMatch(/^[\da-f]{32}$/);
    expect(text).not.toContain(secret);
  });

  async function post(body: unknown): Promise<number> {
    const response = await fetch(`${app.url}/api/presence`, {
      method: "POST",
      headers: { "X-Presence": "1" },
      body: JSON.stringify(body),
    });
    return response.status;
  }
});

const count = (kind: "Messages" | "Alerts") => `${unread} [data-unread=${kind}]`;
const typed = () => document.querySelector<HTMLInputElement>("#post-send")?.value;
const notContaining = (text: string) => new RegExp(`^(?![^]*${text})`);

async function say(tab: Tab, text: string): Promise<void> {
  await tab.bringToFront();
  await tab.fill("#post-send", text);
  await tab.click(`${chat} button[type=submit]`);
}

async function raise(tab: Tab, text: string): Promise<void> {
  await tab.bringToFront();
  await tab.fill("#post-raise", text);
  await tab.click(`${alerts} button[type=submit]`);
}

async function rename(tab: Tab, to: string): Promise<void> {
  await tab.bringToFront();
  await tab.evaluate(
    () => document.querySelector<HTMLInputElement>("#visitor-name")?.select(),
    null,
  );
  await tab.fill("#visitor-name", to);
  await tab.click(`${unread} form button`);
}
