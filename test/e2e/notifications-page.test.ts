import { randomUUID } from "node:crypto";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { launchChromium } from "../support/chromium.ts";
import { startDemo } from "../support/demo-app.ts";
import { type EventStream, openStream } from "../support/event-stream.ts";
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

  it("has a chat that shows members, typing and messages, as text only", async () => {
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

  it("counts unread messages across a reload and an absence, equally in all windows of a browser", async () => {
    await using ada = await browser.open(url);
    await using grace = await browser.open(url);
    await Promise.all([ada.waitForText(connection, "Live"), grace.waitForText(connection, "Live")]);
    await say(grace, `First in ${name}`);
    await ada.waitForText(count("Messages"), /Messages\s*1$/);
    await ada.goto(`${app.url}/hook`);
    await say(grace, `In the meantime in ${name}`);
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
    // The visitor's own message counts as read.
    await say(ada, `Mine in ${name}`);
    await ada.waitForText(`${chat} [role=log]`, `Mine in ${name}`);
    await ada.waitForText(count("Messages"), /Messages\s*0$/);
    expect(await ada.layoutShift()).toBeLessThan(0.01);
  });

  it("shows that there was more if history is shorter than the unread messages", async () => {
    await using ada = await browser.open(url);
    await ada.waitForText(connection, "Live");
    await ada.waitForText(count("Messages"), /Messages\s*\d/);
    await ada.evaluate(() => localStorage.setItem("sse-bus.read", "5-m0000000-before"), null);
    await ada.goto(url);
    await ada.waitForText(`${unread} [data-testid=reach]`, "There are more unread");
    await ada.click(`${unread} header button`);
    await ada.waitForText(`${unread} [data-testid=reach]`, "All windows of this browser");
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
    await raise(grace, `Connection cut in ${name}`);
    await grace.waitForText(`${chat} [role=log]`, `While you were out of ${name}`);
    await ada.bringToFront();
    await proxy.mend();
    await ada.waitForText(connection, "Live", { timeoutMs: 15_000 });
    await ada.waitForText(`${chat} [role=log]`, `While you were out of ${name}`);
    await ada.waitForText(toasts, `Connection cut in ${name}`);
    await ada.waitForText(count("Messages"), /Messages\s*1$/);
  });
});

describe("in Chromium alone", () => {
  let browser: Browser;
  beforeAll(async () => {
    // The headless shell has no notifications.
    browser = await launchChromium({ isWhole: true });
  });
  afterAll(async () => browser?.close());

  it("requests browser notifications only by its button, and shows alerts with them while it is hidden", async () => {
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

  it("rejects posts beyond the rate limit, and keeps the typed text", async () => {
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
  const log = "notifications/log";
  const stranger = { connection: randomUUID(), channel: log, state: { name: "Ada" } };

  it("rejects requests that another site could send, and invalid states", async () => {
    expect(await post(stranger, { "Content-Type": "text/plain" })).toBe(415);
    expect(await post(stranger, { Origin: "https://evil.example" })).toBe(403);
    expect(await post(stranger)).toBe(404);
    expect(await post({ ...stranger, connection: "../../etc" })).toBe(400);
    expect(await post({ ...stranger, person: "1".repeat(32) })).toBe(400);
    expect(await post({ ...stranger, state: "x".repeat(2_000) })).toBe(413);
    expect(await post(null)).toBe(400);
  });

  it("cannot be used to act as a visitor by the public id", async () => {
    const page = await fetch(url);
    await page.body?.cancel();
    const [cookie = "", ...attributes] = page.headers.get("set-cookie")?.split("; ") ?? [];
    expect(attributes).toEqual(expect.arrayContaining(["HttpOnly", "SameSite=lax"]));
    const [name = "", secret = ""] = cookie.split("=");
    await using member = await openMember(cookie);
    const { connection, identity } = await hello(member);
    expect(identity).toMatch(/^[\da-f]{32}$/);
    expect(await post({ ...stranger, connection })).toBe(204);
    await member.next(({ event, data }) => event === "presence" && data.includes('"Ada"'));
    const seen = member.events.filter(({ event }) => event !== "hello").map(({ data }) => data);
    expect(seen.join()).toContain(identity);
    expect(seen.join()).not.toContain(secret);
    expect(seen.join()).not.toContain(connection);
    expect(await post({ ...stranger, connection: identity })).toBe(400);
    await using impostor = await openMember(`${name}=${identity}`);
    expect(await hello(impostor)).not.toHaveProperty("identity");
  });

  async function openMember(cookie: string): Promise<EventStream> {
    const query = `channel=${log}&presence=${log}`;
    return openStream(`${app.url}/api/notifications?${query}`, { headers: { cookie } });
  }

  async function hello(stream: EventStream): Promise<{ connection: string; identity?: string }> {
    return (await stream.next("hello")).json() as { connection: string; identity?: string };
  }

  async function post(body: unknown, headers: Record<string, string> = {}): Promise<number> {
    const response = await fetch(`${app.url}/api/presence`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
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
