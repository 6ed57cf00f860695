import axe, { type AxeResults } from "axe-core";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { launchChromium } from "../support/chromium.ts";
import { openStream } from "../support/event-stream.ts";
import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";
import { waitFor } from "../support/wait-for.ts";

const phone = { width: 390, height: 844 };
const desktop = { width: 1440, height: 900 };

let browser: Browser;
let app: NextServer;

beforeAll(async () => {
  // Playwright turns the back-forward cache off, which visitors' browsers do not.
  browser = await launchChromium({ ignoreDefaultArgs: ["--disable-back-forward-cache"] });
  app = await startDemo({ env: { SSE_BUS_OPEN_PUBLISH: "1" } });
});
afterAll(async () => {
  await browser?.close();
  await app?.[Symbol.asyncDispose]();
});

describe("the log", () => {
  it("says hello first, and then that the line is live", async () => {
    await using page = await openPage(app);
    await state(page, "Live");
    expect(await rows(page).count()).toBe(1);
    const row = rows(page).first();
    expect(await row.innerText()).toContain("hello");
    expect(await row.innerText()).toContain('"heartbeatMs"');
  });

  it("shows what a terminal publishes at once, with time, id, event and payload", async () => {
    await using page = await openPage(app);
    await state(page, "Live");
    const published = await publish(app, "from a terminal");
    const row = rows(page).filter({ hasText: "from a terminal" });
    await row.waitFor();
    expect(await row.locator("time").innerText()).toMatch(/^\d\d:\d\d:\d\d\.\d{3}$/);
    expect(await row.innerText()).toContain(published.id);
    expect(await row.innerText()).toContain("message");
    expect(await row.locator("bdi").first().innerText()).toBe(JSON.stringify(published.data));
  });

  it("keeps markup in a payload as text", async () => {
    await using page = await openPage(app);
    await state(page, "Live");
    const markup = `<img src=x onerror="document.title='broken in'"><script>alert(1)</script>`;
    await publish(app, markup);
    const row = rows(page).filter({ hasText: "onerror" });
    await row.waitFor();
    expect(await row.locator("bdi").first().innerText()).toContain(JSON.stringify(markup));
    expect(await page.locator("img").count()).toBe(0);
    expect(await page.title()).not.toBe("broken in");
  });

  it("keeps the newest two hundred of a flood, and speaks of it once", async () => {
    await using page = await openPage(app);
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
    // Three hundred events take a second or two, more on a busy machine; one sentence is said every five.
    const spoken = await page.evaluate(() => (window as unknown as { spoken: string[] }).spoken);
    const sentences = 2 + Math.floor((performance.now() - started) / 5_000);
    expect(spoken.length).toBeLessThanOrEqual(sentences);
  });

  it("holds back while paused, and shows what was held on resuming", async () => {
    await using page = await openPage(app);
    await state(page, "Live");
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

describe("the line", () => {
  it("tells that it is reconnecting while the server is away, and the gap when it is back", async () => {
    await using own = await startDemo({ env: { SSE_BUS_OPEN_PUBLISH: "1" } });
    await using page = await openPage(own);
    await state(page, "Live");
    await publish(own, "before the crash");
    await own.kill();
    await state(page, "Reconnecting");
    await own.start();
    await state(page, "Live");
    // The history in memory died with the server: what was lost is unknown, and so announced.
    await rows(page).filter({ hasText: "gap" }).waitFor();
    await publish(own, "after the crash");
    await rows(page).filter({ hasText: "after the crash" }).waitFor();
    expect(await rows(page).filter({ hasText: "before the crash" }).count()).toBe(1);
  });

  it("says that it was refused, connects again when asked to, and else by itself", async () => {
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

  it("lets go when the page is left, and resumes when it returns from the back-forward cache", async () => {
    await using own = await startDemo({ env: { SSE_BUS_OPEN_PUBLISH: "1" } });
    await using page = await openPage(own);
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

describe("the box", () => {
  it("publishes to every open page", async () => {
    await using page = await openPage(app);
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

  it("keeps what is typed while the answer to what was sent is on its way", async () => {
    await using page = await openPage(app);
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

  it("gives back what could not be sent, and the page stays", async () => {
    await using page = await openPage(app);
    await page.route("**/*", async (route) =>
      route.request().method() === "POST" ? route.abort() : route.continue(),
    );
    await box(page).fill("into the void");
    await box(page).press("Enter");
    await page.getByText("The server could not be reached. Try again.").waitFor();
    expect(await box(page).inputValue()).toBe("into the void");
  });

  it("says what is wrong, beside the field and to assistive technology", async () => {
    await using page = await openPage(app);
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

  it("refuses the eleventh of a burst, keeps its text, and publishes nothing of it", async () => {
    await using own = await startDemo({ env: { SSE_BUS_OPEN_PUBLISH: "1" } });
    await using page = await openPage(own);
    await state(page, "Live");
    // All in one turn of the page: one by one they might take longer than the 5 s that are counted.
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

  it("is absent in a production that keeps publishing closed, and its action refuses", async () => {
    await using closed = await startDemo({ env: { SSE_BUS_OPEN_PUBLISH: undefined } });
    await using page = await openPage(closed);
    await state(page, "Live");
    await page.getByText("Publishing is closed").waitFor();
    expect(await box(page).count()).toBe(0);
    expect(await page.getByRole("link", { name: "Open the trigger" }).count()).toBe(0);

    // The form of an open server, sent to the closed one: an action is an endpoint of its own.
    await using open = await openPage(app);
    const form = await open.locator("form").evaluate((element) => {
      const data = new FormData(element as HTMLFormElement);
      return [...data.entries()].filter((pair): pair is [string, string] => pair[0] !== "msg");
    });
    const send = async (server: NextServer) => {
      const body = new FormData();
      for (const [name, value] of form) body.append(name, value);
      body.append("msg", "smuggled");
      const before = await head(server);
      expect((await fetch(server.url, { method: "POST", body })).status).toBe(200);
      return (await head(server)) === before ? "refused" : "published";
    };
    expect(await send(app)).toBe("published");
    expect(await send(closed)).toBe("refused");
    expect(await rows(page).filter({ hasText: "smuggled" }).count()).toBe(0);
  });
});

describe("for everybody", () => {
  for (const colorScheme of ["light", "dark"] as const) {
    // On a desktop every-page.test.ts looks.
    it(`has no axe violation on a phone, ${colorScheme}`, async () => {
      await using page = await openPage(app, { colorScheme, viewport: phone });
      await state(page, "Live");
      await publish(app, "to be read by everybody");
      await rows(page).filter({ hasText: "to be read by everybody" }).waitFor();
      expect(await violations(page)).toEqual([]);
    });

    it(`has no axe violation when closed and disconnected, ${colorScheme}`, async () => {
      await using closed = await startDemo({ env: { SSE_BUS_OPEN_PUBLISH: undefined } });
      await using page = await newPage({ colorScheme });
      await page.route("**/api/sse*", async (route) => route.fulfill({ status: 503 }));
      await page.goto(closed.url);
      await state(page, "Closed");
      expect(await violations(page)).toEqual([]);
    });
  }

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
      "Copy",
      "Open the trigger in a new tab",
      "Pause",
      "Clear",
      "Events, newest first",
    ]) {
      await page.keyboard.press("Tab");
      expect(await focused(page)).toBe(name);
      const outline = await page.evaluate(
        () => getComputedStyle(document.activeElement as Element).outlineStyle,
      );
      expect(outline).toBe("solid");
    }
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Space");
    await page.getByRole("button", { name: "Resume", pressed: true }).waitFor();
  });

  it("fits a phone, and moves nothing while events and states come and go", async () => {
    await using own = await startDemo({ env: { SSE_BUS_OPEN_PUBLISH: "1" } });
    await using page = await newPage({ viewport: phone });
    await page.addInitScript(() => {
      const shifts: number[] = [];
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
          shifts.push((entry as PerformanceEntry & { value: number }).value);
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
    const shifts = await page.evaluate(() => (window as unknown as { shifts: number[] }).shifts);
    expect(shifts.reduce((sum, value) => sum + value, 0)).toBeLessThan(0.02);
  });

  it("follows the system's colours until the visitor chooses, and keeps the choice", async () => {
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

  it("moves nothing for those who ask for less motion", async () => {
    await using page = await openPage(app, { reducedMotion: "reduce" });
    await rows(page).first().waitFor();
    const running = await page.evaluate(() => document.getAnimations().length);
    expect(running).toBe(0);
  });
});

type OpenPage = Page & AsyncDisposable;

/** A page in a context of its own. Disposing it fails the test when the page logged an error. */
async function newPage(options: BrowserContextOptions = {}): Promise<OpenPage> {
  const context = await browser.newContext({ viewport: desktop, ...options });
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

/** The newest position: it stays as it is for as long as nothing is published. */
async function head(server: NextServer): Promise<string | undefined> {
  await using stream = await openStream(`${server.url}/api/sse`);
  const { id } = await stream.next("hello");
  return id?.split("-")[0];
}

async function violations(page: Page): Promise<string[]> {
  // Colours are judged at rest: an arriving row fades, and axe would measure it half-way.
  await waitFor("animations to end", async () =>
    page.evaluate(() => document.getAnimations().every((one) => one.playState !== "running")),
  );
  await page.evaluate(axe.source);
  const results = await page.evaluate(async () =>
    (window as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  );
  return results.violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.failureSummary}`),
  );
}

/** The accessible name of what has the focus, as far as this page's elements need it. */
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
