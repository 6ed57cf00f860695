import axe from "axe-core";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { colorRules, violations } from "../support/accessibility.ts";
import { launchChromium } from "../support/chromium.ts";
import { openStream } from "../support/event-stream.ts";
import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";
import type { ReceivedEvent } from "../support/stream-response.ts";
import { waitFor } from "../support/wait-for.ts";

const phone = { width: 390, height: 844 };
const desktop = { width: 1440, height: 900 };

let browser: Browser;
let app: NextServer;
/** One that tests stop and whose connections they count: each starts it again if it needs to. */
let own: NextServer;
/** One without open publishing. */
let closed: NextServer;

beforeAll(async () => {
  browser = await launchChromium();
  [app, own, closed] = await Promise.all([
    startDemo({ env: { SSE_BUS_OPEN_PUBLISH: "1" } }),
    startDemo({ env: { SSE_BUS_OPEN_PUBLISH: "1" } }),
    startDemo({ env: { SSE_BUS_OPEN_PUBLISH: undefined } }),
  ]);
});
afterAll(async () => {
  await browser?.close();
  for (const each of [app, own, closed]) await each?.[Symbol.asyncDispose]();
});

describe("the log", () => {
  let page: OpenPage;
  beforeAll(async () => {
    page = await openPage(app);
    await state(page, "Live");
  });
  afterAll(async () => page?.[Symbol.asyncDispose]());

  it("shows hello first, then that the connection is live", async () => {
    expect(await rows(page).count()).toBe(1);
    const row = rows(page).first();
    expect(await row.innerText()).toContain("hello");
    expect(await row.innerText()).toContain('"heartbeatMs"');
  });

  it("shows a message from a terminal immediately, with time, id, event and payload", async () => {
    const published = await publish(app, "from a terminal");
    const row = rows(page).filter({ hasText: "from a terminal" });
    await row.waitFor();
    expect(await row.locator("time").innerText()).toMatch(/^\d\d:\d\d:\d\d\.\d{3}$/);
    expect(await row.innerText()).toContain(published.id);
    expect(await row.innerText()).toContain("message");
    expect(await row.locator("bdi").first().innerText()).toBe(JSON.stringify(published.data));
  });

  it("keeps markup in a payload as text", async () => {
    const markup = `<img src=x onerror="document.title='broken in'"><script>alert(1)</script>`;
    await publish(app, markup);
    const row = rows(page).filter({ hasText: "onerror" });
    await row.waitFor();
    expect(await row.locator("bdi").first().innerText()).toContain(JSON.stringify(markup));
    expect(await page.locator("img").count()).toBe(0);
    expect(await page.title()).not.toBe("broken in");
  });

  it("keeps the newest two hundred of a flood, and announces it once", async () => {
    await page.reload();
    await state(page, "Live");
    await page.evaluate(() => {
      const spoken: string[] = [];
      const status = document.querySelector("output.sr-only") as HTMLElement;
      new MutationObserver(() => spoken.push(status.innerText)).observe(status, {
        childList: true,
        characterData: true,
        subtree: true,
      });
      Object.assign(window, { spoken });
    });
    const started = performance.now();
    for (let count = 1; count <= 300; count++) await publish(app, `flood ${count}`);
    await rows(page).filter({ hasText: "flood 300" }).waitFor();
    expect(await rows(page).count()).toBe(200);
    expect(await page.getByText("301 events, the newest 200 shown").count()).toBe(1);
    // Three hundred events take a second or two, more on a busy machine; one sentence is announced every five.
    const spoken = await page.evaluate(() => (window as unknown as { spoken: string[] }).spoken);
    const sentences = 2 + Math.floor((performance.now() - started) / 5_000);
    expect(spoken.length).toBeLessThanOrEqual(sentences);
  });

  it("holds events while paused, and shows them after the resume", async () => {
    await page.getByRole("button", { name: "Pause" }).click();
    await publish(app, "while paused");
    await page.getByText("Paused: 1 more received").waitFor();
    expect(await rows(page).filter({ hasText: "while paused" }).count()).toBe(0);
    await page.getByRole("button", { name: "Resume" }).click();
    await rows(page).filter({ hasText: "while paused" }).waitFor();
    await page.getByRole("button", { name: "Clear" }).click();
    expect(await rows(page).count()).toBe(0);
  });
});

describe("the connection", () => {
  it("shows that it is reconnecting while the server is down, then the gap", async () => {
    await own.start();
    await using page = await openPage(own);
    await state(page, "Live");
    await publish(own, "before the crash");
    await own.kill();
    await state(page, "Reconnecting");
    await own.start();
    await state(page, "Live");
    // The history in memory was lost with the server: the loss is unknown, and reported.
    await rows(page).filter({ hasText: "gap" }).waitFor();
    await publish(own, "after the crash");
    await rows(page).filter({ hasText: "after the crash" }).waitFor();
    expect(await rows(page).filter({ hasText: "before the crash" }).count()).toBe(1);
  });

  it("shows a refusal, and reconnects on request or by itself", async () => {
    await using page = await newPage();
    let refused = true;
    await page.route("**/api/sse*", async (route) =>
      refused ? route.fulfill({ status: 503 }) : route.continue(),
    );
    await page.goto(app.url);
    await state(page, "Closed");
    refused = false;
    await page.getByRole("button", { name: "Reconnect" }).click();
    await state(page, "Live");
    refused = true;
    await page.reload();
    await state(page, "Closed");
    refused = false;
    await state(page, "Live");
  });

  it("disconnects when the page is left, and resumes when it returns from the back-forward cache", async () => {
    await own.start();
    // Playwright disables the back-forward cache, unlike visitors' browsers; the headless shell has none.
    const ignoreDefaultArgs = ["--disable-back-forward-cache"];
    await using whole = await launchChromium({ isWhole: true, ignoreDefaultArgs });
    await using page = await newPage({}, whole);
    await page.goto(own.url);
    await state(page, "Live");
    await publish(own, "seen before leaving");
    await rows(page).filter({ hasText: "seen before leaving" }).waitFor();
    await page.evaluate(() => Object.assign(window, { sameDocument: true }));
    await connections(own, 1);
    await page.goto(`${own.url}/icon.svg`);
    await connections(own, 0);
    await publish(own, "missed while away");
    await page.goBack({ waitUntil: "commit" });
    expect(await page.evaluate(() => "sameDocument" in window)).toBe(true);
    await rows(page).filter({ hasText: "missed while away" }).waitFor();
    expect(await rows(page).filter({ hasText: "seen before leaving" }).count()).toBe(1);
    expect(await rows(page).filter({ hasText: "gap" }).count()).toBe(0);
    await connections(own, 1);
    await page.close();
    await connections(own, 0);
  });
});

describe("the form", () => {
  let page: OpenPage;
  beforeAll(async () => {
    page = await openPage(app);
  });
  afterAll(async () => page?.[Symbol.asyncDispose]());
  afterEach(async () => page.unrouteAll());

  it("publishes to every open page", async () => {
    await using other = await openPage(app);
    await state(page, "Live");
    await state(other, "Live");
    await box(page).fill("from the box");
    await box(page).press("Enter");
    await page.getByText("Published as").waitFor();
    for (const open of [page, other]) {
      await rows(open).filter({ hasText: '{"msg":"from the box"}' }).waitFor();
    }
    expect(await box(page).inputValue()).toBe("");
  });

  it("keeps text typed while a request is pending", async () => {
    let answer = (): void => {};
    const mayAnswer = new Promise<void>((resolve) => (answer = resolve));
    await page.route("**/*", async (route) => {
      if (route.request().method() === "POST") await mayAnswer;
      await route.continue();
    });
    await box(page).fill("the first");
    await box(page).press("Enter");
    await box(page).pressSequentially("the second");
    answer();
    await page.getByText("Published as").waitFor();
    await rows(page).filter({ hasText: '"the first"' }).waitFor();
    expect(await box(page).inputValue()).toBe("the second");
    await box(page).press("Enter");
    await rows(page).filter({ hasText: '"the second"' }).waitFor();
  });

  it("restores text that could not be sent, without a reload", async () => {
    await page.route("**/*", async (route) =>
      route.request().method() === "POST" ? route.abort() : route.continue(),
    );
    await box(page).fill("into the void");
    await box(page).press("Enter");
    await page.getByText("The server could not be reached. Try again.").waitFor();
    expect(await box(page).inputValue()).toBe("into the void");
  });

  it("shows what is wrong, next to the field and to assistive technology", async () => {
    await box(page).fill("   ");
    await box(page).press("Enter");
    await page.getByText("Enter a message.").waitFor();
    expect(await box(page).getAttribute("aria-invalid")).toBe("true");
    const described = await box(page).getAttribute("aria-describedby");
    expect(await page.locator(`#${described}`).innerText()).toBe("Enter a message.");
  });

  it("works without JavaScript", async () => {
    await using page = await newPage({ javaScriptEnabled: false });
    await page.goto(app.url);
    await box(page).fill("no script");
    await page.getByRole("button", { name: "Publish" }).click();
    await page.getByText("Published as").waitFor();
  });

  it("rejects the eleventh message of a burst, keeps its text, and does not publish it", async () => {
    await own.start();
    await using page = await openPage(own);
    await state(page, "Live");
    // All in one turn of the page: one by one they might take longer than the window of 5 s.
    await box(page).evaluate((element) => {
      const field = element as HTMLInputElement;
      for (let count = 1; count <= 11; count++) {
        field.value = `burst ${count}`;
        field.form?.requestSubmit();
      }
    });
    await page.getByText(/Too many requests\. Try again in \d s\./).waitFor();
    await waitFor("its text", async () => (await box(page).inputValue()) === "burst 11");
    for (let count = 1; count <= 10; count++) {
      await rows(page)
        .filter({ hasText: `burst ${count}"` })
        .waitFor();
    }
    await publish(own, "after the burst");
    await rows(page).filter({ hasText: "after the burst" }).waitFor();
    expect(await rows(page).filter({ hasText: "burst 11" }).count()).toBe(0);
  });

  it("is absent in production without open publishing, and its action rejects", async () => {
    await closed.start();
    await using page = await openPage(closed);
    await state(page, "Live");
    await page.getByText("Publishing is closed").waitFor();
    expect(await box(page).count()).toBe(0);
    expect(await page.getByRole("link", { name: "Open the trigger" }).count()).toBe(0);

    // The form of an open server, sent to the closed one: an action is a separate endpoint.
    await using open = await openPage(app);
    const form = await open.locator("form").evaluate((element) => {
      const data = new FormData(element as HTMLFormElement);
      return [...data.entries()].filter((pair): pair is [string, string] => pair[0] !== "msg");
    });
    const send = async (server: NextServer): Promise<void> => {
      const body = new FormData();
      for (const [name, value] of form) body.append(name, value);
      body.append("msg", "smuggled");
      expect((await fetch(server.url, { method: "POST", body })).status).toBe(200);
    };
    const { cursor } = (await hello(closed)).json() as { cursor: string };
    await send(app);
    await rows(open).filter({ hasText: "smuggled" }).waitFor();
    await send(closed);
    expect(await rows(page).filter({ hasText: "smuggled" }).count()).toBe(0);
    // A stream that ends in order has had every message since the cursor.
    await using stream = await openStream(`${closed.url}/api/sse?from=${cursor}`);
    await stream.next("hello");
    closed.process.signal("SIGTERM");
    await stream.closed;
    expect(stream.events.map(({ event }) => event)).toEqual(["hello", "bye"]);
    await closed.stop();
  });
});

describe("for everybody", () => {
  // every-page.test.ts checks it on a desktop.
  it("has no axe violation on a phone, in light and dark", async () => {
    await using page = await openPage(app, { colorScheme: "light", viewport: phone });
    await state(page, "Live");
    await publish(app, "to be read by everybody");
    await rows(page).filter({ hasText: "to be read by everybody" }).waitFor();
    await expectNoViolation(page);
  });

  it("has no axe violation when closed and disconnected, in light and dark", async () => {
    await closed.start();
    await using page = await newPage({ colorScheme: "light" });
    await page.route("**/api/sse*", async (route) => route.fulfill({ status: 503 }));
    await page.goto(closed.url);
    await state(page, "Closed");
    await expectNoViolation(page);
  });

  it("can be used with the keyboard alone, and always shows the focus", async () => {
    await using page = await openPage(app);
    await state(page, "Live");
    await page.keyboard.press("Tab");
    expect(await focused(page)).toBe("Skip to content");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    expect(await focused(page)).toBe("Message");
    await page.keyboard.type("typed");
    await page.keyboard.press("Enter");
    await rows(page).filter({ hasText: '"typed"' }).waitFor();
    for (const name of [
      "Publish",
      "Pause",
      "Clear",
      "Events, newest first",
      "Copy",
      "Open the trigger in a new tab",
    ]) {
      await page.keyboard.press("Tab");
      expect(await focused(page)).toBe(name);
      const outline = await page.evaluate(
        () => getComputedStyle(document.activeElement as Element).outlineStyle,
      );
      expect(outline).toBe("solid");
    }
    for (let back = 0; back < 4; back++) await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Space");
    await page.getByRole("button", { name: "Resume", pressed: true }).waitFor();
  });

  it("fits a phone, and has no layout shift while events and states change", async () => {
    await own.start();
    await using page = await newPage({ viewport: phone });
    await page.addInitScript(() => {
      const shifts: number[] = [];
      new PerformanceObserver((list) => {
        for (const { value, sources } of list.getEntries() as LayoutShift[]) {
          // A line added at the top of the log moves the older ones down, as intended.
          const isOfLog = ({ node }: { node: Node | null }) =>
            node?.parentElement?.closest("[role=log]");
          if (!sources.every(isOfLog)) shifts.push(value);
        }
      }).observe({ type: "layout-shift", buffered: true });
      Object.assign(window, { shifts });
    });
    await page.goto(own.url);
    await state(page, "Live");
    await publish(own, "w".repeat(500));
    await rows(page).filter({ hasText: "www" }).waitFor();
    await own.kill();
    await state(page, "Reconnecting");
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width).toBe(phone.width);
    expect(await page.evaluate(findBadTargets)).toEqual([]);
    const shifts = await page.evaluate(() => (window as unknown as { shifts: number[] }).shifts);
    expect(shifts.reduce((sum, value) => sum + value, 0)).toBeLessThan(0.02);
  });

  it("follows the system's colours until the visitor selects a theme, and keeps the selection", async () => {
    await using page = await openPage(app, { colorScheme: "dark" });
    const dark = await background(page);
    await page.getByRole("button", { name: "Switch between light and dark" }).click();
    const light = await background(page);
    expect(light).not.toBe(dark);
    await page.reload();
    expect(await background(page)).toBe(light);
    await page.getByRole("button", { name: "Switch between light and dark" }).click();
    expect(await background(page)).toBe(dark);
    await page.emulateMedia({ colorScheme: "light" });
    expect(await background(page)).toBe(light);
  });
});

type OpenPage = Page & AsyncDisposable;

interface LayoutShift extends PerformanceEntry {
  readonly value: number;
  readonly sources: readonly { readonly node: Node | null }[];
}

/** A page in its own context. Its disposal fails the test if the page logged an error. */
async function newPage(options: BrowserContextOptions = {}, from = browser): Promise<OpenPage> {
  const context = await from.newContext({ viewport: desktop, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  return Object.assign(page, {
    async [Symbol.asyncDispose]() {
      await context.close();
      expect(errors).toEqual([]);
    },
  });
}

async function openPage(server: NextServer, options?: BrowserContextOptions): Promise<OpenPage> {
  const page = await newPage(options);
  await page.goto(server.url);
  return page;
}

const rows = (page: Page) => page.getByRole("log").getByRole("listitem");
const box = (page: Page) => page.getByLabel("Message");

async function state(page: Page, label: string): Promise<void> {
  await page.getByTestId("stream-state").filter({ hasText: label }).waitFor();
}

async function publish(server: NextServer, msg: string): Promise<{ id: string; data: unknown }> {
  const response = await fetch(`${server.url}/api/publish?msg=${encodeURIComponent(msg)}`);
  expect(response.status).toBe(200);
  return (await response.json()) as { id: string; data: unknown };
}

async function connections(server: NextServer, count: number): Promise<void> {
  await waitFor(`${count} connections`, async () => {
    const response = await fetch(`${server.url}/api/health`);
    return ((await response.json()) as { connections: number }).connections === count;
  });
}

async function hello(server: NextServer): Promise<ReceivedEvent> {
  await using stream = await openStream(`${server.url}/api/sse`);
  return await stream.next("hello");
}

/** Links and buttons that are partly outside of the window, or too small for a finger. Runs in the page. */
function findBadTargets(): string[] {
  const all = [...document.querySelectorAll<HTMLElement>("a[href], button, summary")];
  return all
    .filter((element) => element.checkVisibility() && !element.matches(".sr-only"))
    .filter((element) => {
      const { left, right, width, height } = element.getBoundingClientRect();
      return left < 0 || right > innerWidth || width < 44 || height < 44;
    })
    .map(({ outerHTML }) => outerHTML.slice(0, 120));
}

/** Checks a light page, then its colours in dark. */
async function expectNoViolation(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  for (const [colorScheme, rules] of [
    ["light", undefined],
    ["dark", colorRules],
  ] as const) {
    await page.emulateMedia({ colorScheme });
    // Colours are checked without animations: axe would measure a row that fades in.
    await waitFor("animations to end", async () =>
      page.evaluate(() => document.getAnimations().every((one) => one.playState !== "running")),
    );
    expect([colorScheme, ...(await violations(page, rules))]).toEqual([colorScheme]);
  }
}

/** The accessible name of the focused element, for the elements of this page. */
async function focused(page: Page): Promise<string | undefined> {
  return page.evaluate(() => {
    const element = document.activeElement as HTMLElement;
    const label = (element as HTMLInputElement).labels?.[0]?.innerText;
    return element.ariaLabel ?? label ?? element.innerText.replace("↗", "").trim();
  });
}

async function background(page: Page): Promise<string> {
  return page.evaluate(() => getComputedStyle(document.body).backgroundColor);
}
