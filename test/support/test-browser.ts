import axe from "axe-core";
import { violations } from "./accessibility.ts";
import { launchChromium } from "./chromium.ts";
import { launchFirefox } from "./firefox.ts";
import { waitFor, type WaitOptions } from "./wait-for.ts";

export type BrowserName = "Chromium" | "Firefox";

/**
 * The browsers of the page tests. Short runs use Firefox only in test/e2e/firefox.test.ts: running
 * every page test twice takes too long.
 */
export const browserNames: readonly BrowserName[] = process.env["SSE_BUS_LONG_TESTS"]
  ? ["Chromium", "Firefox"]
  : ["Chromium"];

/** A tab of Chromium or Firefox, with the same methods in both. */
export interface Tab extends AsyncDisposable {
  /** Another tab with the same cookies and storage. */
  openTab(url: string): Promise<Tab>;
  goto(url: string): Promise<void>;
  /** Firefox renders at most one frame a second in background tabs. Call this before many actions. */
  bringToFront(): Promise<void>;
  /** Runs in the page; what it uses must come in `argument`. */
  evaluate<Argument, Result>(
    run: (argument: Argument) => Result | Promise<Result>,
    argument: Argument,
  ): Promise<Result>;
  /** The visible text of the first element that the selector finds. */
  text(selector: string): Promise<string>;
  /** Waits until that text matches. */
  waitForText(selector: string, text: string | RegExp, options?: WaitOptions): Promise<void>;
  click(selector: string): Promise<void>;
  fill(selector: string, text: string): Promise<void>;
  press(key: "Escape" | "Enter" | "Tab"): Promise<void>;
  /** Accessibility violations that axe finds. */
  violations(): Promise<string[]>;
  /** The sum of all layout shifts since the page loaded. Firefox does not report them: 0. */
  layoutShift(): Promise<number>;
}

export interface TestBrowser extends AsyncDisposable {
  /** Opens a tab with its own cookies and storage. */
  open(url: string): Promise<Tab>;
}

/** The methods that Playwright's and Puppeteer's pages share. */
interface DrivenPage {
  goto(url: string): Promise<unknown>;
  bringToFront(): Promise<unknown>;
  evaluate(run: string): Promise<unknown>;
  click(selector: string): Promise<unknown>;
  focus(selector: string): Promise<unknown>;
  readonly keyboard: {
    type(text: string): Promise<void>;
    press(key: "Escape" | "Enter" | "Tab"): Promise<void>;
  };
}

/**
 * Launches Chromium (with Playwright) or Firefox (with Puppeteer).
 *
 * @example
 * await using browser = await launchTestBrowser("Firefox");
 * await using tab = await browser.open(`${app.url}/system`);
 * await tab.waitForText("h1", /machine/);
 */
export async function launchTestBrowser(name: BrowserName): Promise<TestBrowser> {
  if (name === "Chromium") {
    const browser = await launchChromium();
    return {
      async open(url) {
        const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
        return openPage(
          url,
          async () => context.newPage(),
          async () => context.close(),
        );
      },
      [Symbol.asyncDispose]: async () => browser.close(),
    };
  }
  const browser = await launchFirefox();
  return {
    async open(url) {
      const context = await browser.createBrowserContext();
      return openPage(
        url,
        async () => context.newPage(),
        async () => context.close(),
      );
    },
    [Symbol.asyncDispose]: async () => browser[Symbol.asyncDispose](),
  };
}

async function openPage(
  url: string,
  newPage: () => Promise<DrivenPage>,
  close: () => Promise<void>,
): Promise<Tab> {
  const page = await newPage();
  const tab: Tab = {
    openTab: async (to) => openPage(to, newPage, async () => {}),
    async goto(to) {
      await page.goto(to);
    },
    async bringToFront() {
      await page.bringToFront();
    },
    async evaluate(run, argument) {
      // As text, because the drivers pass functions differently, and because the test runner's helpers
      // do not exist in the page.
      const json = JSON.stringify(argument) ?? "undefined";
      return (await page.evaluate(`(${run.toString()})(${json})`)) as never;
    },
    text: async (selector) =>
      tab.evaluate((css) => document.querySelector<HTMLElement>(css)?.innerText ?? "", selector),
    async waitForText(selector, text, options) {
      let last = "";
      await waitFor(
        `${selector} to show ${text}`,
        async () => {
          last = await tab.text(selector);
          return typeof text === "string" ? last.includes(text) : text.test(last);
        },
        { everyMs: 100, timeoutMs: 10_000, ...options },
      ).catch((error: Error) => {
        throw new Error(`${error.message}; it shows: ${last.slice(-300)}`, { cause: error });
      });
    },
    async click(selector) {
      await page.click(selector);
    },
    async fill(selector, text) {
      await page.focus(selector);
      await page.keyboard.type(text);
    },
    async press(key) {
      await page.keyboard.press(key);
    },
    async violations() {
      await page.evaluate(axe.source);
      return violations(page);
    },
    layoutShift: async () =>
      tab.evaluate(
        async () =>
          new Promise<number>((resolve) => {
            if (!PerformanceObserver.supportedEntryTypes.includes("layout-shift")) resolve(0);
            const observer = new PerformanceObserver((list) => {
              const shifts = list.getEntries() as (PerformanceEntry & { value: number })[];
              resolve(shifts.reduce((sum, { value }) => sum + value, 0));
            });
            observer.observe({ type: "layout-shift", buffered: true });
            // Without a layout shift, the observer is never called.
            setTimeout(() => resolve(0), 200);
          }),
        null,
      ),
    [Symbol.asyncDispose]: close,
  };
  await page.goto(url);
  return tab;
}
