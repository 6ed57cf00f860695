import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";

import { launchChromium } from "../support/chromium.ts";
import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";

// Not in every-page.test.ts: actions with the keyboard alone, and the focus after them.

let browser: Browser;
let app: NextServer;
let visitors = 0;
beforeAll(async () => {
  browser = await launchChromium();
  app = await startDemo({ env: { SSE_BUS_OPEN_PUBLISH: "1" } });
});
afterAll(async () => {
  await browser?.close();
  await app?.[Symbol.asyncDispose]();
});

it("/notifications: raises, acknowledges and dismisses alerts, and the focus stays in place", async () => {
  await using page = await open("/notifications");
  await page.locator("#post-raise").focus();
  for (const text of ["first alarm", "second alarm"]) {
    await page.keyboard.type(text);
    await page.keyboard.press("Enter");
    await page.getByTestId("toasts").getByText(text).waitFor();
  }
  await press(page.getByRole("button", { name: "Dismiss: first alarm" }), "Space");
  await page.getByTestId("toasts").getByText("first alarm").waitFor({ state: "detached" });
  await untilFocusIsIn(page, "[data-testid=toasts]");
  // Tab reaches the other alert's button next.
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByTestId("toasts").getByText("second alarm").waitFor({ state: "detached" });
  await untilFocusIsIn(page, "[data-testid=toasts]");
  const alert = page.locator("[aria-labelledby=card-alerts] li").last();
  await press(alert.getByRole("button", { name: "Acknowledge" }), "Enter");
  await alert.getByText("acknowledged", { exact: false }).waitFor();
  await alert.getByRole("button").waitFor({ state: "detached" });
  await untilFocusIsIn(page, "[aria-labelledby=card-alerts] li:last-child");
});

it("/scores: Space pauses and Enter plays on, on one button that keeps the focus", async () => {
  await using page = await open("/scores");
  const button = page.locator("[data-command=play-pause]");
  await page.getByTestId("match-status").getByText("Playing").waitFor();
  await press(button, "Space");
  await page.getByTestId("match-status").getByText("Paused").waitFor();
  expect(await button.evaluate((element) => element === document.activeElement)).toBe(true);
  await page.keyboard.press("Enter");
  await page.getByTestId("match-status").getByText("Playing").waitFor();
  await press(page.getByRole("button", { name: "goal for Hill" }), "Enter");
  await page.getByTestId("score").getByText(/: 1$/).waitFor();
});

it("/progress: starts and cancels a task, and the focus stays with the task", async () => {
  await using page = await open("/progress");
  await press(page.getByRole("button", { name: "Start the task" }), "Enter");
  const task = page.locator("[aria-labelledby=card-task]");
  await press(task.getByRole("button", { name: "Cancel" }), "Space");
  await task.getByText("Cancelled by a visitor").waitFor();
  await untilFocusIsIn(page, "[aria-labelledby=card-task]");
});

it("/dashboard: arrows select the rate, Enter a sensor, while values change", async () => {
  await using page = await open("/dashboard");
  await page.locator("input[value='200']").focus();
  await page.keyboard.press("ArrowRight");
  await page.locator("input[value='1000']:checked:focus").waitFor();
  await page.keyboard.press("ArrowLeft");
  await page.locator("input[value='200']:checked:focus").waitFor();
  await press(page.locator("[data-sensor=core-0] button"), "Enter");
  await page.locator("[data-sensor=core-0] button[aria-pressed=true]:focus").waitFor();
});

it("/system: Space filters by level, Enter pauses and resumes", async () => {
  await using page = await open("/system");
  await press(page.getByRole("checkbox", { name: "debug" }), "Space");
  await page.locator("input:not(:checked):focus").waitFor();
  await press(page.getByRole("button", { name: "Pause" }), "Enter");
  await page.getByRole("button", { name: "Resume", pressed: true }).waitFor();
  await page.keyboard.press("Enter");
  await page.locator("button[aria-pressed=false]:focus").getByText("Pause").waitFor();
});

it("/chat: Enter asks, and Space stops the answer, on one button that keeps the focus", async () => {
  await using page = await open("/chat");
  await page.locator("#question").fill("Count to 2000");
  await press(page.locator("[data-command=ask-stop]"), "Enter");
  await page.getByText("1 2 3").waitFor();
  // Enter in the text field must not stop it.
  await press(page.locator("#question"), "Enter");
  await page.getByText("1 2 3 4 5 6").waitFor();
  await press(page.locator("[data-command=ask-stop]"), "Space");
  await page.getByText("Stopped here.").waitFor();
  await page.locator("[data-command=ask-stop]:focus").getByText("Ask").waitFor();
});

it("/guarantees: Enter drops and stalls the stream, Space resumes it", async () => {
  await using page = await open("/guarantees");
  const notes = page.getByRole("log", { name: "Events of the stream" });
  await page.locator("[data-count=Received]").getByText(/[1-9]/).waitFor();
  await press(page.locator("[data-command=cut]"), "Enter");
  await notes.getByText("The connection is closed.").waitFor();
  await notes.getByText("hello: resumed").waitFor();
  await press(page.locator("[data-command=stall]"), "Enter");
  await page.locator("[data-command=stall]:focus").getByText("Resume").waitFor();
  await page.keyboard.press("Space");
  await notes.getByText("You: resume.").waitFor();
});

async function open(path: string): Promise<Page & AsyncDisposable> {
  // Each page belongs to another visitor: the limit is ten actions in five seconds, and keys are fast.
  const page = await browser.newPage({
    viewport: { width: 1280, height: 900 },
    extraHTTPHeaders: { "X-Forwarded-For": `192.0.2.${++visitors}` },
  });
  page.setDefaultTimeout(30_000);
  await page.goto(app.url + path);
  await page.getByTestId("connection-state").getByText("Live").first().waitFor();
  return page;
}

async function press(control: Locator, key: "Enter" | "Space"): Promise<void> {
  await control.focus();
  await control.page().keyboard.press(key);
}

async function untilFocusIsIn(page: Page, selector: string): Promise<void> {
  const isThere = (css: string): boolean =>
    document.activeElement?.closest(css) !== null && document.hasFocus();
  await expect.poll(async () => page.evaluate(isThere, selector)).toBe(true);
}
