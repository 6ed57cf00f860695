import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import axe from "axe-core";
import type { Browser, Page, Response } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Page as SourcePage, readPages } from "../../apps/docs/lib/pages.ts";
import { colorRules, violations } from "../support/accessibility.ts";
import { launchChromium } from "../support/chromium.ts";
import { type DocsSite, startDocsSite } from "../support/docs-site.ts";

let site: DocsSite;
let browser: Browser;
let pages: readonly SourcePage[];

beforeAll(async () => {
  site = await startDocsSite();
  pages = readPages();
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  await site?.[Symbol.asyncDispose]();
});

const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1440, height: 900 };

/** One page of each kind: the home page, a guide, a table, an error, the reference, a long text. */
const KINDS = [
  "/",
  "/docs",
  "/docs/react",
  "/docs/backends/redis",
  "/docs/errors",
  "/docs/errors/GAP",
  "/docs/api/next",
  "/docs/protocol",
];

describe("the exported files", () => {
  it("have no dead link: every address and every anchor exists", async () => {
    const exported = await readSite(site.out);
    const dead: string[] = [];
    let checked = 0;
    for (const [address, { links }] of exported) {
      for (const link of links) {
        const { origin, pathname, hash } = new URL(link, `http://site${address}`);
        if (origin !== "http://site") continue;
        checked += 1;
        const target = exported.get(pathname);
        const anchor = decodeURIComponent(hash.slice(1));
        if (target === undefined) dead.push(`${address}: ${link}`);
        else if (anchor !== "" && !target.ids.has(anchor))
          dead.push(`${address}: ${link}: no anchor`);
      }
    }
    expect([...new Set(dead)]).toEqual([]);
    expect(checked).toBeGreaterThan(1_000);
  });

  it("have every page of the navigation, with its title", async () => {
    const exported = await readSite(site.out);
    for (const { address, title } of pages) {
      expect(exported.get(address)?.text, address).toContain(escapeHtml(title));
    }
  });

  it("have llms.txt with the address of every page, and llms-full.txt with its text", async () => {
    const index = await (await fetch(`${site.url}/llms.txt`)).text();
    const full = await (await fetch(`${site.url}/llms-full.txt`)).text();
    const addresses = [...index.matchAll(/\]\((\/md\/[^)]+)\)/g)].map(([, address]) => address);
    expect(addresses).toHaveLength(pages.length);
    for (const address of addresses) {
      const response = await fetch(site.url + address);
      expect([address, response.status]).toEqual([address, 200]);
    }
    for (const { address } of pages) expect(full).toContain(`<!-- ${address} -->`);
  });

  it("are a page of their own for an address that does not exist", async () => {
    const response = await fetch(`${site.url}/docs/nothing-here`);
    expect(response.status).toBe(404);
    expect(await response.text()).toContain("This page does not exist");
  });
});

describe.each(KINDS)("%s", (path) => {
  it("has no axe violation, light and dark, on a desktop and on a phone", async () => {
    for (const viewport of [DESKTOP, PHONE]) {
      await using tab = await openTab({ viewport });
      await tab.page.goto(site.url + path);
      await tab.page.evaluate(axe.source);
      for (const [colorScheme, rules] of [
        ["light", undefined],
        ["dark", colorRules],
      ] as const) {
        await tab.page.emulateMedia({ colorScheme });
        await tab.page.waitForFunction(
          (dark) => document.documentElement.classList.contains("dark") === dark,
          colorScheme === "dark",
        );
        expect([colorScheme, ...(await violations(tab.page, rules))]).toEqual([colorScheme]);
      }
    }
  });

  it("is within the budgets: JavaScript, styles, largest paint, shifts, and no other site", async () => {
    await using tab = await openTab({ viewport: PHONE });
    const sizes = new Map<string, number>();
    const foreign: string[] = [];
    tab.page.on("request", (request) => {
      if (!request.url().startsWith(site.url)) foreign.push(request.url());
    });
    const bodies: Promise<void>[] = [];
    const measure = async (response: Response): Promise<void> => {
      const kind = response.request().resourceType();
      const body = await response.body().catch(() => Buffer.alloc(0));
      sizes.set(kind, (sizes.get(kind) ?? 0) + gzipSync(body).length / 1_000);
    };
    tab.page.on("response", (response) => void bodies.push(measure(response)));
    await tab.page.addInitScript(observe);
    await tab.page.goto(site.url + path, { waitUntil: "networkidle" });
    await Promise.all(bodies);
    const { largestPaintMs, shifted } = await tab.page.evaluate<Observed>(
      "({ largestPaintMs, shifted })",
    );
    console.log(
      `${path}: ${[...sizes].map(([kind, kB]) => `${kind} ${kB.toFixed(0)} kB`).join(", ")}, ` +
        `largest paint ${largestPaintMs.toFixed(0)} ms, shifts ${shifted.toFixed(3)}`,
    );
    expect(foreign).toEqual([]);
    expect(tab.errors).toEqual([]);
    expect(sizes.get("script")).toBeLessThan(260);
    expect(sizes.get("stylesheet")).toBeLessThan(30);
    expect(shifted).toBeLessThan(0.01);
    expect(largestPaintMs).toBeGreaterThan(0);
    expect(largestPaintMs).toBeLessThan(2_500);
  });
});

describe("readers", () => {
  it("never scroll sideways on a phone, on any page", async () => {
    await using tab = await openTab({ viewport: PHONE });
    const wide: string[] = [];
    for (const { address } of [{ address: "/" }, ...pages]) {
      await tab.page.goto(site.url + address, { waitUntil: "domcontentloaded" });
      const { scrollWidth } = await tab.page.evaluate(() => ({
        scrollWidth: document.documentElement.scrollWidth,
      }));
      if (scrollWidth > PHONE.width) wide.push(`${address}: ${scrollWidth}`);
    }
    expect(wide).toEqual([]);
  });

  it("reach the content first with the keyboard", async () => {
    await using tab = await openTab({ viewport: DESKTOP });
    await tab.page.goto(`${site.url}/docs/react`);
    await tab.page.keyboard.press("Tab");
    const skip = tab.page.getByRole("link", { name: "Skip to content" });
    await skip.waitFor();
    expect(await skip.evaluate((link) => link === document.activeElement)).toBe(true);
    expect(await skip.evaluate((link) => link.getBoundingClientRect().top)).toBeGreaterThan(0);
    await tab.page.keyboard.press("Enter");
    await tab.page.keyboard.press("Tab");
    const isInside = "document.querySelector('#content').contains(document.activeElement)";
    expect(await tab.page.evaluate(isInside)).toBe(true);
  });

  it("find a heading with the keyboard alone, without a server for the search", async () => {
    await using tab = await openTab({ viewport: DESKTOP });
    await tab.page.goto(`${site.url}/docs`, { waitUntil: "networkidle" });
    await tab.page.keyboard.press("Control+k");
    await tab.page.getByRole("textbox").waitFor();
    await tab.page.keyboard.type("Redis and Valkey");
    await tab.page.getByRole("dialog").getByText("Redis and Valkey").first().waitFor();
    await tab.page.evaluate(axe.source);
    expect(await violations(tab.page)).toEqual([]);
    await tab.page.keyboard.press("Enter");
    await tab.page.waitForURL(/\/docs\/backends\/redis/);
    await tab.page.getByRole("heading", { level: 1, name: "Redis and Valkey" }).waitFor();
  });

  it("keep the theme that they choose", async () => {
    await using tab = await openTab({ viewport: DESKTOP });
    await tab.page.goto(`${site.url}/docs`, { waitUntil: "networkidle" });
    const isDark = () =>
      tab.page.evaluate(() => document.documentElement.className.includes("dark"));
    expect(await isDark()).toBe(false);
    await tab.page.getByRole("button", { name: /theme/i }).first().click();
    await expect.poll(isDark).toBe(true);
    await tab.page.reload();
    expect(await isDark()).toBe(true);
  });
});

interface Tab extends AsyncDisposable {
  readonly page: Page;
  readonly errors: readonly string[];
}

async function openTab(options: { viewport: { width: number; height: number } }): Promise<Tab> {
  const context = await browser.newContext({ ...options, colorScheme: "light" });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const errors: string[] = [];
  page.on("pageerror", ({ message }) => errors.push(message));
  return { page, errors, [Symbol.asyncDispose]: () => context.close() };
}

interface SitePage {
  readonly text: string;
  readonly links: ReadonlySet<string>;
  readonly ids: ReadonlySet<string>;
}

/** Every exported file by its address; a page's address has no `.html`. */
async function readSite(out: string): Promise<Map<string, SitePage>> {
  const pages = new Map<string, SitePage>();
  const entries = await readdir(out, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const address = path.slice(out.length);
    const isPage = address.endsWith(".html");
    const text = isPage ? await readFile(path, "utf8") : "";
    pages.set(isPage ? address.replace(/\/?(?:index)?\.html$/, "") || "/" : address, {
      text,
      links: new Set(attributes(text, /\s(?:href|src)="([^"]*)"/g)),
      ids: new Set(attributes(text, /\sid="([^"]*)"/g)),
    });
  }
  return pages;
}

function attributes(html: string, pattern: RegExp): string[] {
  // Scripts hold the page's data again, not links that a reader can follow.
  const visible = html.replace(/<script\b[^]*?<\/script>/g, "");
  return [...visible.matchAll(pattern)].map(([, value = ""]) => value.replaceAll("&amp;", "&"));
}

function escapeHtml(text: string): string {
  const names: Record<string, string> = {
    "&": "amp",
    "<": "lt",
    ">": "gt",
    '"': "quot",
    "'": "#x27",
  };
  return text.replaceAll(/[&<>"']/g, (char) => `&${names[char]};`);
}

interface Observed {
  largestPaintMs: number;
  shifted: number;
}

// Runs in the page.
function observe(): void {
  const observed = Object.assign(globalThis, { largestPaintMs: 0, shifted: 0 });
  new PerformanceObserver((list) => {
    for (const { startTime } of list.getEntries()) observed.largestPaintMs = startTime;
  }).observe({ type: "largest-contentful-paint", buffered: true });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      observed.shifted += (entry as PerformanceEntry & { value: number }).value;
    }
  }).observe({ type: "layout-shift", buffered: true });
}
