import type { Page } from "playwright-core";

import { publish } from "./http-api.ts";

/** One of the demo's pages: what tells that it is live, and what makes it show something. */
export interface LivePage {
  readonly path: string;
  /** Says it when the page's line is up. */
  readonly line: readonly [testId: string, text: string];
  /** Makes news come in, and resolves when some have. */
  readonly liven: (page: Page, origin: string) => Promise<void>;
  /** Of gzipped JavaScript, in kB: what it takes now and a little. */
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
    line: ["hook-status", "open"],
    liven: async (page, origin) => {
      for (const msg of ["four", "five", "six"]) await publish(origin, { data: { msg } });
      await page.getByRole("log").getByText('"six"').first().waitFor();
    },
    budgetKb: 151,
  },
  {
    path: "/dashboard",
    line: live,
    liven: async (page) =>
      page.locator('[data-stat="Updates per second"] dd').getByText(/[1-9]/).waitFor(),
    budgetKb: 179,
  },
  {
    path: "/system",
    line: live,
    liven: async (page) => {
      await page.locator("[data-tile=CPU] [data-testid=value]").getByText("%").waitFor();
      await page.getByRole("button", { name: "Write test lines" }).click();
      await page.getByText("something is about to go wrong").first().waitFor();
    },
    budgetKb: 179,
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
    budgetKb: 159,
  },
  {
    path: "/progress",
    line: live,
    liven: async (page) => {
      await page.getByRole("button", { name: "Run the checks" }).click();
      await page.getByText(/Exit code 0, \d+ lines/).waitFor({ timeout: 20_000 });
    },
    budgetKb: 156,
  },
  {
    path: "/scores",
    line: live,
    liven: async (page) => {
      // Not a certain time: on a busy machine the page may load after it.
      const time = page.getByTestId("race-time");
      const before = (await time.textContent()) ?? "";
      await time.filter({ hasNotText: before }).waitFor();
    },
    budgetKb: 157,
  },
  {
    path: "/inspector",
    line: live,
    liven: async (page) => {
      await page.locator("[data-rate=Published] p:text('/s')").waitFor();
    },
    budgetKb: 183,
  },
];
