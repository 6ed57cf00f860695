import axe, { type AxeResults } from "axe-core";
import { launchChromium } from "./chromium.ts";
import { launchFirefox } from "./firefox.ts";
import { waitFor, type WaitOptions } from "./wait-for.ts";

export type BrowserName = "Chromium" | "Firefox";

/**
 * The browsers that all tests of a page run in. In a short run Firefox only has test/e2e/firefox:
 * with all of them twice it would last longer than anybody waits.
 */
export const browserNames: readonly BrowserName[] = process.env["SSE_BUS_LONG_TESTS"]
  ? ["Chromium", "Firefox"]
  : ["Chromium"];

/** A window of a browser, whichever drives it. */
export interface Visitor extends AsyncDisposable {
  /** Another window of the same browser, with the same cookies and storage. */
  beside(url: string): Promise<Visitor>;
  goto(url: string): Promise<void>;
  /** Firefox gives windows behind others a frame a second, or less: who acts much comes to the front. */
  toFront(): Promise<void>;
  /** Runs in the page; what it uses must come in `argument`. */
  evaluate<Argument, Result>(
    run: (argument: Argument) => Result | Promise<Result>,
    argument: Argument,
  ): Promise<Result>;
  /** The visible text of the first element that the selector finds. */
  text(selector: string): Promise<string>;
  /** Waits until that text matches. */
  sees(selector: string, text: string | RegExp, options?: WaitOptions): Promise<void>;
  click(selector: string): Promise<void>;
  fill(selector: string, text: string): Promise<void>;
  press(key: "Escape" | "Enter" | "Tab"): Promise<void>;
  /** What axe finds wrong; empty is right. */
  violations(): Promise<string[]>;
  /** The sum of all layout shifts since the page came; 0 where the browser does not tell (Firefox). */
  layoutShift(): Promise<number>;
}

export interface Visitors extends AsyncDisposable {
  /** A window with cookies and storage of its own. */
  open(url: string): Promise<Visitor>;
}

/** What both drivers' pages can do. */
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
 * A browser to open windows in, the same in Chromium (Playwright) and Firefox (Puppeteer).
 *
 * @example
 * await using visitors = await launchVisitors("Firefox");
 * await using visitor = await visitors.open(`${app.url}/system`);
 * await visitor.sees("h1", /machine/);
 */
export async function launchVisitors(name: BrowserName): Promise<Visitors> {
  if (name === "Chromium") {
    const browser = await launchChromium();
    return {
      async open(url) {
        const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
        return visit(
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
      return visit(
        url,
        async () => context.newPage(),
        async () => context.close(),
      );
    },
    [Symbol.asyncDispose]: async () => browser[Symbol.asyncDispose](),
  };
}

async function visit(
  url: string,
  newPage: () => Promise<DrivenPage>,
  close: () => Promise<void>,
): Promise<Visitor> {
  const page = await newPage();
  const visitor: Visitor = {
    beside: async (to) => visit(to, newPage, async () => {}),
    async goto(to) {
      await page.goto(to);
    },
    async toFront() {
      await page.bringToFront();
    },
    async evaluate(run, argument) {
      // As text: the drivers differ in what they pass, not in what they run. The runner's coverage
      // and name helpers do not exist in the page.
      const json = JSON.stringify(argument) ?? "undefined";
      return (await page.evaluate(`(${run.toString()})(${json})`)) as never;
    },
    text: async (selector) =>
      visitor.evaluate(
        (css) => document.querySelector<HTMLElement>(css)?.innerText ?? "",
        selector,
      ),
    async sees(selector, text, options) {
      let last = "";
      await waitFor(
        `${selector} to say ${text}`,
        async () => {
          last = await visitor.text(selector);
          return typeof text === "string" ? last.includes(text) : text.test(last);
        },
        { everyMs: 50, timeoutMs: 10_000, ...options },
      ).catch((error: Error) => {
        throw new Error(`${error.message}; it says: ${last.slice(-300)}`, { cause: error });
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
      const results = (await page.evaluate("axe.run()")) as AxeResults;
      return results.violations.flatMap(({ id, nodes }) =>
        nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.failureSummary}`),
      );
    },
    layoutShift: async () =>
      visitor.evaluate(
        async () =>
          new Promise<number>((resolve) => {
            if (!PerformanceObserver.supportedEntryTypes.includes("layout-shift")) resolve(0);
            const observer = new PerformanceObserver((list) => {
              const shifts = list.getEntries() as (PerformanceEntry & { value: number })[];
              resolve(shifts.reduce((sum, { value }) => sum + value, 0));
            });
            observer.observe({ type: "layout-shift", buffered: true });
            // Where there was none, the observer is never called.
            setTimeout(() => resolve(0), 200);
          }),
        null,
      ),
    [Symbol.asyncDispose]: close,
  };
  await page.goto(url);
  return visitor;
}
