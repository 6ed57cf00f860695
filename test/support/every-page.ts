import type { Page } from "playwright-core";

import { publish } from "./http-api.ts";

/** One of the demo's pages: what shows that it is live, and what makes it show messages. */
export interface LivePage {
  readonly path: string;
  /** Shows when the page's stream is open. */
  readonly line: readonly [testId: string, text: string];
  /** Causes messages, and resolves when some have arrived. */
  readonly liven: (page: Page, origin: string) => Promise<void>;
  /** The budget of gzipped JavaScript, in kB: the current size and a little more. */
  readonly budgetKb: number;
}

const live = ["connection-state", "Live"] as const;

export const everyPage: readonly LivePage[] = [
  {
    path: "/",
    line: ["stream-state", "Live"],
    liven: async (page, origin) => {
      for (const msg of ["one", "two", "three"]) await publish(origin, { data: { msg } });
      await page.getByRole("log").getByText('"three"').first().waitFor();
    },
    budgetKb: 147,
  },
  {
    path: "/hook",
    line: live,
    liven: async (page, origin) => {
      for (const msg of ["four", "five", "six"]) await publish(origin, { data: { msg } });
      await page.getByRole("log").getByText('"six"').first().waitFor();
    },
    budgetKb: 153,
  },
  {
    path: "/dashboard",
    line: live,
    liven: async (page) =>
      page.locator('[data-stat="Updates per second"] dd').getByText(/[1-9]/).waitFor(),
    budgetKb: 182,
  },
  {
    path: "/system",
    line: live,
    liven: async (page) => {
      await page.locator("[data-tile=CPU] [data-testid=value]").getByText("%").waitFor();
      await page.getByRole("button", { name: "Write test lines" }).click();
      await page.getByText("something is about to go wrong").first().waitFor();
    },
    budgetKb: 182,
  },
  {
    path: "/notifications",
    line: live,
    liven: async (page) => {
      await page.locator("#post-send").fill("for the log");
      await page.keyboard.press("Enter");
      await page.locator("#post-raise").fill("for the toasts");
      await page.keyboard.press("Enter");
      await page.getByTestId("toasts").getByText("for the toasts").waitFor();
    },
    budgetKb: 165,
  },
  {
    path: "/progress",
    line: live,
    liven: async (page) => {
      await page.getByRole("button", { name: "Run the checks" }).click();
      await page.getByText(/Exit code 0, \d+ lines/).waitFor({ timeout: 20_000 });
    },
    budgetKb: 157,
  },
  {
    path: "/scores",
    line: live,
    liven: async (page) => {
      // Not a fixed time: on a busy machine the page may load after it.
      const time = page.getByTestId("race-time");
      const before = (await time.textContent()) ?? "";
      await time.filter({ hasNotText: before }).waitFor();
    },
    budgetKb: 160,
  },
  {
    path: "/chat",
    line: live,
    liven: async (page) => {
      await page.getByRole("button", { name: "Who are you?" }).click();
      await page.getByText("at about the pace of a large model.").waitFor({ timeout: 20_000 });
      await page.getByRole("button", { name: "Stop" }).click();
      await page.getByText("Stopped here.").waitFor();
    },
    // Most of its own is the AI SDK.
    budgetKb: 250,
  },
  {
    path: "/guarantees",
    line: live,
    liven: async (page) => {
      await page.locator("[data-count=Received]").getByText(/[1-9]/).waitFor();
    },
    budgetKb: 160,
  },
];
