import { afterAll, beforeAll, expect, it } from "vitest";

import { publish } from "../support/http-api.ts";
import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";
import { launchTestBrowser, type Tab, type TestBrowser } from "../support/test-browser.ts";
import { waitFor } from "../support/wait-for.ts";

const connection = "[data-testid=connection-state]";

let app: NextServer;
let browser: TestBrowser;
beforeAll(async () => {
  app = await startDemo({ env: { SSE_BUS_OPEN_PUBLISH: "1" } });
  browser = await launchTestBrowser("Firefox");
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await app?.[Symbol.asyncDispose]();
});

/** Checks that a page is live, not only rendered by the server. */
const signs: Record<string, (tab: Tab) => Promise<void>> = {
  "/": async (tab) => {
    await tab.waitForText("[data-testid=stream-state]", "Live");
    await publish(app.url, { data: { msg: "<b>fire</b>" } });
    await tab.waitForText("[role=log]", "<b>fire</b>");
  },
  "/hook": async (tab) => {
    await tab.waitForText("[data-testid=connection-state]", "Live");
    await publish(app.url, { data: { msg: "to the hook" } });
    await tab.waitForText("main", "to the hook");
  },
  "/dashboard": async (tab) => {
    await tab.waitForText(connection, "Live");
    const before = await tab.text("[data-sensor=page-faults]");
    await waitFor("a newer value", async () => {
      const value = await tab.text("[data-sensor=page-faults]");
      return /\d/.test(value) && value !== before;
    });
  },
  "/system": async (tab) => {
    await tab.waitForText(connection, "Live");
    await tab.waitForText("[data-tile=CPU] [data-testid=value]", /^\d+ %$/);
  },
  "/notifications": async (tab) => {
    await tab.waitForText(connection, "Live");
    await tab.fill("#post-send", "Hello from Firefox");
    await tab.click("[aria-labelledby=card-chat] button[type=submit]");
    await tab.waitForText("[aria-labelledby=card-chat] [role=log]", "Hello from Firefox");
  },
  "/progress": async (tab) => {
    await tab.waitForText(connection, "Live");
    await tab.click("[aria-labelledby=card-task] [data-command=start-task]");
    await tab.waitForText("[aria-labelledby=card-task] li", /Running[^]*[1-9]\d* of 200 rounds/);
  },
  "/scores": async (tab) => {
    await tab.waitForText(connection, "Live");
    await tab.waitForText("[data-testid=match-status]", "Playing");
    const before = await tab.text("[data-testid=match-time]");
    await tab.waitForText("[data-testid=match-time]", new RegExp(`^(?!${before})`));
  },
  "/chat": async (tab) => {
    await tab.waitForText(connection, "Live");
    await tab.fill("#question", "Count to 2000");
    await tab.press("Enter");
    const answer = "li[data-role=assistant]:last-child";
    await tab.waitForText(answer, /1 2 3/);
    // The answer continues after a reload.
    await tab.goto(`${app.url}/chat`);
    await tab.waitForText("[data-testid=chat-state]", "Answering");
    await tab.waitForText(answer, /1 2 3 [^]*\b40\b/);
    await tab.click("[data-command=ask-stop]");
    await tab.waitForText(answer, "Stopped here.");
  },
};

it.each(Object.keys(signs))("%s is live in Firefox, without a violation", async (path) => {
  await using tab = await browser.open(app.url + path);
  await signs[path]?.(tab);
  expect(await tab.violations()).toEqual([]);
});
