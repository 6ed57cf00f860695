import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { colorRules, violations } from "../support/accessibility.ts";
import { launchChromium } from "../support/chromium.ts";
import { everyPage } from "../support/every-page.ts";
import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";
import { sweepFocus } from "../support/sweep-focus.ts";

let browser: Browser;
let app: NextServer;
beforeAll(async () => {
  browser = await launchChromium();
  app = await startDemo({ env: { SSE_BUS_OPEN_PUBLISH: "1" } });
});
afterAll(async () => {
  await browser?.close();
  await app?.[Symbol.asyncDispose]();
});

/** The scripts of each page, with their compressed size. */
const loaded = new Map<string, ReadonlyMap<string, number>>();

describe.each(everyPage)("$path", ({ path, line: [testId, text], liven, budgetKb }) => {
  let page: Page;
  const errors: string[] = [];
  beforeAll(async () => {
    const viewport = { width: 1280, height: 900 };
    const context = await browser.newContext({ viewport, colorScheme: "light" });
    page = await context.newPage();
    page.setDefaultTimeout(10_000);
    page.on("pageerror", ({ message }) => errors.push(message));
    await page.addInitScript(countShifts);
    await page.goto(app.url + path);
    await page.getByTestId(testId).filter({ hasText: text }).first().waitFor();
  });
  afterAll(async () => page?.context().close());

  it("has no layout shift while it loads and while messages arrive", async () => {
    await liven(page, app.url);
    expect(await page.evaluate<number>("shifted")).toBeLessThan(0.01);
  });

  it(`takes at most ${budgetKb} kB of JavaScript`, async () => {
    const scripts = new Map(await page.evaluate(readScripts));
    loaded.set(path, scripts);
    expect(kB(scripts.values())).toBeLessThanOrEqual(budgetKb);
    // Otherwise a page without scripts would meet the budget.
    expect(kB(scripts.values())).toBeGreaterThan(budgetKb - 10);
  });

  it("lets the keyboard reach every control, in order, with a visible focus", async () => {
    expect(await sweepFocus(page)).toEqual({ missed: [], unseen: [], outOfOrder: [] });
  });

  it("has no animation if the visitor prefers reduced motion", async () => {
    await page.emulateMedia({ reducedMotion: "reduce" });
    expect(await page.evaluate(countAnimations)).toBe(0);
  });

  it("has no axe violation, in light and dark", async () => {
    await page.evaluate(axe.source);
    for (const [colorScheme, rules] of [
      ["light", undefined],
      ["dark", colorRules],
    ] as const) {
      await page.emulateMedia({ colorScheme });
      expect([colorScheme, ...(await violations(page, rules))]).toEqual([colorScheme]);
    }
    expect(errors).toEqual([]);
  });
});

describe("all pages together", () => {
  it("are sent with a policy: this origin only, no framing, no referrer to other sites", async () => {
    for (const { path } of everyPage) {
      const { headers } = await fetch(app.url + path);
      expect([path, headers.get("content-security-policy")]).toEqual([
        path,
        expect.stringMatching(/default-src 'self'.*frame-ancestors 'none'/),
      ]);
      expect(headers.get("content-security-policy")).not.toContain("unsafe-eval");
      expect(headers.get("x-frame-options")).toBe("DENY");
      expect(headers.get("referrer-policy")).toBe("same-origin");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
    }
  });

  it("share most of their JavaScript: React, Next and the frame around each page", () => {
    const [first, ...others] = [...loaded.values()];
    const shared = [...(first ?? [])].filter(([url]) => others.every((one) => one.has(url)));
    const sharedKb = kB(shared.map(([, bytes]) => bytes));
    console.log(`shared by all pages (React, Next, header): ${sharedKb.toFixed(1)} kB`);
    for (const [path, scripts] of loaded) {
      const all = kB(scripts.values());
      console.log(`${path}: ${all.toFixed(1)} kB, its own ${(all - sharedKb).toFixed(1)} kB`);
    }
    expect(loaded.size).toBe(everyPage.length);
    expect(sharedKb).toBeLessThan(144);
  });
});

function kB(bytes: Iterable<number>): number {
  return [...bytes].reduce((sum, one) => sum + one, 0) / 1_000;
}

// The rest runs in the page.

function countShifts(): void {
  const counted = Object.assign(globalThis, { shifted: 0 });
  new PerformanceObserver((list) => {
    for (const { value, sources } of list.getEntries() as LayoutShift[]) {
      // A line added at the top of a log moves the older ones down, as intended.
      const isOfLog = ({ node }: { node: Node | null }) =>
        node?.parentElement?.closest("[role=log]");
      if (!sources.every(isOfLog)) counted.shifted += value;
    }
  }).observe({ type: "layout-shift", buffered: true });
}

interface LayoutShift extends PerformanceEntry {
  readonly value: number;
  readonly sources: readonly { readonly node: Node | null }[];
}

function readScripts(): [string, number][] {
  const resources = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
  return resources
    .filter(({ name }) => new URL(name).pathname.endsWith(".js"))
    .map(({ name, encodedBodySize }) => [name, encodedBodySize]);
}

/** The maximum number of animations at once, over a second of messages; earlier ones may end. */
async function countAnimations(): Promise<number> {
  await Promise.allSettled(document.getAnimations().map(async ({ finished }) => finished));
  return new Promise((resolve) => {
    let frames = 0;
    let most = 0;
    const look = (): void => {
      most = Math.max(most, document.getAnimations().length);
      if (++frames < 60) requestAnimationFrame(look);
      else resolve(most);
    };
    look();
  });
}
