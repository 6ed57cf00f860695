import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";

import { type Bus, createBus } from "../../packages/sse-bus/src/index.ts";
import { createInspectorHandler, createSseHandler } from "../../packages/sse-bus/src/node/index.ts";
import { createTasks } from "../../packages/sse-bus/src/tasks/index.ts";
import { colorRules, violations } from "../support/accessibility.ts";
import { launchChromium } from "../support/chromium.ts";
import { openStream } from "../support/event-stream.ts";
import { sweepFocus } from "../support/sweep-focus.ts";

// The page itself, on the built package; `node:http` serves it, because its pages are the same everywhere.

/** What a client of the inspector may do in a test. */
let grant: { publish?: boolean; disconnect?: boolean } | true = true;

let bus: Bus;
let server: Server;
let url: string;
let browser: Browser;
beforeAll(async () => {
  bus = createBus();
  const sse = createSseHandler({
    bus,
    presence: true,
    authorize({ request }) {
      const user = new URL(request.url).searchParams.get("user");
      return user === null || { identity: { id: user } };
    },
  });
  const inspector = createInspectorHandler({ bus, authorize: () => grant });
  server = createServer((request, response) =>
    request.url?.startsWith("/sse") ? sse(request, response) : inspector(request, response),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  server?.closeAllConnections();
  server?.close();
  await bus?.close();
});

const errors: string[] = [];

interface OpenOptions {
  readonly width?: number;
  readonly height?: number;
  /** The test moves the page's clock. */
  readonly hasTestClock?: boolean;
}

async function open(options: OpenOptions = {}): Promise<Page> {
  const { width = 1280, height = 900, hasTestClock = false } = options;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: "light" });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  page.on("pageerror", ({ message }) => errors.push(message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  if (hasTestClock) await page.clock.install();
  await page.goto(`${url}/inspector`);
  await page.locator("#state", { hasText: "Live" }).waitFor();
  await page.locator("#tail-state", { hasText: "Live" }).waitFor();
  return page;
}

const streams = (page: Page) => page.getByRole("region", { name: "Streams, as a table" });
const messages = (page: Page) => page.getByRole("region", { name: "Messages, newest first" });

describe("the inspector", () => {
  let page: Page;
  beforeAll(async () => {
    page = await open();
  });
  afterAll(async () => page?.context().close());

  it("shows streams with their identity, channels with their rate, subscribers, members and tasks", async () => {
    await using stream = await openStream(`${url}/sse?channel=orders/1&user=ada`);
    await stream.next("hello");
    const unsubscribe = bus.subscribe(() => {}, { channel: "orders/1" });
    let finish!: () => void;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    const tasks = createTasks({ bus });
    const task = await tasks.run(
      { id: "import", title: "Import orders", total: 9 },
      async ({ report }) => {
        report(4);
        await finished;
      },
    );
    const publishing = setInterval(() => void bus.publish({ n: 1 }, { channel: "orders/1" }), 100);
    try {
      await streams(page)
        .getByRole("row", { name: /ada.*orders\/1/ })
        .waitFor();
      const channels = page.getByRole("region", { name: "Channels, as a table" });
      await channels.getByRole("row", { name: /orders\/1 [1-9]\S*\/s 1 1 / }).waitFor();
      await page.locator('[data-rate="Published"] p', { hasText: /^[1-9]/ }).waitFor();
      await page.locator('[data-fact="Subscribers"] dd', { hasText: "1" }).waitFor();
      await page.locator('[data-fact="Direct sink"] dd', { hasText: "on" }).waitFor();
      await page.getByRole("row", { name: /orders\/1 1 ada \(1\)/ }).waitFor();
      await page.getByRole("row", { name: /Import orders – 4 of 9/ }).waitFor();
    } finally {
      clearInterval(publishing);
      unsubscribe();
      finish();
      await task.result;
    }
  });

  it("shows messages as text, whatever they contain, and folds long ones", async () => {
    const html = '<img src=x onerror="document.title=1">';
    await bus.publish({ html }, {
      channel: "html",
      event: "<b>event</b>",
    } as never);
    await messages(page).getByText(html.replaceAll('"', '\\"')).waitFor();
    await messages(page).getByText("<b>event</b>").waitFor();
    expect(await page.locator("img").count()).toBe(0);
    await bus.publish({ long: "x".repeat(5000) }, { channel: "long" });
    const long = messages(page).locator("details").first();
    await long.locator("summary").click();
    await long.locator("pre", { hasText: "x".repeat(5000) }).waitFor();
    await page.getByLabel("Containing").fill("nothing has this");
    await page.getByText("No message contains this text.").waitFor();
    await page.getByLabel("Containing").fill("");
    expect(await page.title()).toBe("Inspector – sse-bus");
  });

  it("follows one channel, and stops", async () => {
    await page.getByLabel("Channel or pattern").fill("only/*");
    await page.keyboard.press("Enter");
    await page.locator("#tail-state", { hasText: "Live" }).waitFor();
    await streams(page)
      .getByRole("row", { name: /only\/\*/ })
      .waitFor();
    await bus.publish("not this", { channel: "others" });
    await bus.publish("but this", { channel: "only/1" });
    await messages(page).getByText('"but this"').waitFor();
    expect(await messages(page).getByText('"not this"').count()).toBe(0);
    await page.getByRole("button", { name: "Stop" }).click();
    await streams(page)
      .getByRole("row", { name: /only\/\*/ })
      .waitFor({ state: "detached" });
    await page.getByLabel("Channel or pattern").fill("a//**/b");
    await page.keyboard.press("Enter");
    expect(await page.getByLabel("Channel or pattern").getAttribute("aria-invalid")).toBe("true");
    await page.getByLabel("Channel or pattern").fill("**");
    await page.getByRole("button", { name: "Follow" }).click();
    await page.locator("#tail-state", { hasText: "Live" }).waitFor();
  });

  it("publishes a message, and explains a refusal with its code", async () => {
    const form = page.locator("#publish-form");
    await form.getByLabel("Channel").fill("inspected/channel");
    await form.getByLabel("Data").fill('{"from":"the form"}');
    await form.getByRole("button", { name: "Publish" }).click();
    await page.locator("#published", { hasText: /Published as \S+@inspected\/channel/ }).waitFor();
    await messages(page).getByText('{"from":"the form"}').waitFor();
    await form.getByLabel("Data").fill("{");
    await form.getByRole("button", { name: "Publish" }).click();
    await page.locator("#published", { hasText: "not JSON" }).waitFor();
    await form.getByLabel("Data").fill("1");
    await form.getByLabel("Channel").fill("not a channel!");
    await form.getByRole("button", { name: "Publish" }).click();
    await page.locator("#published", { hasText: "(INVALID_CHANNEL)" }).waitFor();
    // The browser itself logs each answer that is not 2xx.
    expect(errors.splice(0)).toEqual([expect.stringContaining("400")]);
  });

  it("disconnects every stream of an identity, with the keyboard alone", async () => {
    await using first = await openStream(`${url}/sse?channel=room&user=eve`);
    await using second = await openStream(`${url}/sse?channel=room&user=eve`);
    await using other = await openStream(`${url}/sse?channel=room&user=bob`);
    for (const stream of [first, second, other]) await stream.next("hello");
    const button = page.getByRole("button", { name: "Disconnect eve" }).first();
    await button.focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "Disconnect streams" });
    await dialog.waitFor();
    expect(await violationsOf(page)).toEqual([]);
    await dialog.getByLabel("This stream").focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Tab");
    await page.keyboard.type("BY_OPERATOR");
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "hidden" });
    for (const stream of [first, second]) {
      expect((await stream.next("bye")).json()).toMatchObject({
        reason: "revoked",
        code: "BY_OPERATOR",
      });
    }
    await bus.publish("still open", { channel: "room" });
    expect((await other.next("message")).json()).toBe("still open");
  });

  it("marks a stream that falls behind, and counts it", async () => {
    await using slow = await openStream(`${url}/sse?channel=flood&user=slow`);
    await slow.next("hello");
    slow.pause();
    const text = "x".repeat(100_000);
    const flooding = setInterval(() => void bus.publish(text, { channel: "flood" }), 20);
    try {
      // This page itself reads everything, and would show each of them.
      await page.getByRole("button", { name: "Stop" }).click();
      await streams(page)
        .getByRole("row", { name: /slow.*\d behind/ })
        .waitFor();
      await page.locator('[data-fact="Behind"] dd[class~=warn]').waitFor();
    } finally {
      clearInterval(flooding);
    }
    await page.getByRole("button", { name: "Follow" }).click();
  });

  it("has no axe violation in light and dark, and the keyboard reaches every control", async () => {
    for (const [colorScheme, rules] of [
      ["light", undefined],
      ["dark", colorRules],
    ] as const) {
      await page.emulateMedia({ colorScheme });
      expect([colorScheme, ...(await violationsOf(page, rules))]).toEqual([colorScheme]);
    }
    await page.emulateMedia({ colorScheme: "light" });
    expect(await sweepFocus(page)).toEqual({ missed: [], unseen: [], outOfOrder: [] });
    expect(errors).toEqual([]);
  });
});

it("reads nothing while it is paused or hidden", async () => {
  const page = await open({ hasTestClock: true });
  let requests = 0;
  page.on("request", () => (requests += 1));
  const requestsInFiveSeconds = async (): Promise<number> => {
    requests = 0;
    await page.clock.runFor(5_000);
    return requests;
  };
  expect(await requestsInFiveSeconds()).toBeGreaterThan(0);

  await page.getByRole("button", { name: "Pause" }).click();
  await page.locator("#state", { hasText: "Paused" }).waitFor();
  expect(await requestsInFiveSeconds()).toBe(0);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.locator("#state", { hasText: "Live" }).waitFor();

  await setHidden(page, true);
  await page.locator("#tail-state", { hasText: "Off" }).waitFor();
  expect(await requestsInFiveSeconds()).toBe(0);
  await setHidden(page, false);
  await page.locator("#tail-state", { hasText: "Live" }).waitFor();
  expect(await requestsInFiveSeconds()).toBeGreaterThan(0);
  await page.context().close();
});

it("without permission for actions the page offers none", async () => {
  grant = {};
  onTestFinished(() => void (grant = true));
  const page = await open();
  await page.locator("#process", { hasText: "Node.js" }).waitFor();
  expect(await page.getByRole("button", { name: /Disconnect|Publish/ }).count()).toBe(0);
  grant = true;
  await page.locator("#publish").waitFor();
  await page.context().close();
});

it("on a phone nothing is wider than the screen", async () => {
  await using stream = await openStream(`${url}/sse?channel=${"long/".repeat(30)}x&user=ada`);
  await stream.next("hello");
  const page = await open({ width: 360, height: 740 });
  await streams(page).getByRole("row", { name: /ada/ }).waitFor();
  const widths = (): [number, number] => [document.documentElement.scrollWidth, innerWidth];
  const [content, screen] = await page.evaluate(widths);
  expect(content).toBeLessThanOrEqual(screen);
  expect(await violationsOf(page)).toEqual([]);
  await page.context().close();
});

it("a server that cannot be reached is shown, and the page continues when it returns", async () => {
  const page = await open();
  await page.context().setOffline(true);
  await page.getByText("The server cannot be reached.").waitFor();
  await page.locator("#state", { hasText: "Disconnected" }).waitFor();
  await page.context().setOffline(false);
  await page.locator("#state", { hasText: "Live" }).waitFor();
  expect(await page.locator("#problem").isVisible()).toBe(false);
  await page.context().close();
});

/** What a browser does when the visitor changes to another tab and back. */
async function setHidden(page: Page, isHidden: boolean): Promise<void> {
  await page.evaluate((value) => {
    Object.defineProperty(document, "hidden", { value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, isHidden);
}

async function violationsOf(page: Page, rules?: Parameters<typeof violations>[1]) {
  // Its policy refuses script that is not its own; a driver's is not bound by it.
  await page.evaluate(axe.source);
  return violations(page, rules);
}
