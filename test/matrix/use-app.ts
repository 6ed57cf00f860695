import type { Browser, Page } from "playwright-core";
import { expect } from "vitest";
import { publish } from "../support/http-api.ts";
import { type Combination, majorOf } from "./combinations.ts";

/** What a server and its pages have shown. */
export interface Used {
  /** How the stream of the page leaves the server, with the reason if it is not the fast way. */
  readonly sink: string;
  /** The versions of React that render the pages of the App Router and of the Pages Router. */
  readonly reactApp: string;
  readonly reactPages: string;
}

export interface UseOptions {
  readonly combination: Combination;
  readonly browser: Browser;
}

/** Opens the pages of a server in Chromium, publishes, and expects them to show it. */
export async function useApp(origin: string, { combination, browser }: UseOptions): Promise<Used> {
  // `next dev` blocks other hosts.
  const site = combination.server === "dev" ? origin.replace("127.0.0.1", "localhost") : origin;
  const sink = await seeExample(site, browser);
  const reactApp = await seeHook("/live", { site, browser });
  const reactPages = await seeHook("/older", { site, browser });
  expect(reactPages).toBe(combination.react);
  expect(majorOf(reactApp)).toBe("19");
  expect((await fetch(`${site}/guarded`)).status).toBe(418);
  return { sink, reactApp, reactPages };
}

/** The page that `init` adds. */
async function seeExample(site: string, browser: Browser): Promise<string> {
  await using page = await openPage(`${site}/sse`, browser);
  const log = page.getByRole("log");
  await log.getByText("hello", { exact: false }).waitFor();
  await publish(site, { data: "to the example" });
  await log.getByText("to the example", { exact: false }).waitFor();
  // Awaited here: the page must stay open.
  return await readSink(site);
}

/** A page with the hooks; resolves to the version of React that has rendered it. */
async function seeHook(
  path: "/live" | "/older",
  { site, browser }: { readonly site: string; readonly browser: Browser },
): Promise<string> {
  await using page = await openPage(`${site}${path}`, browser);
  await page.getByText("open: ", { exact: false }).waitFor();
  const published = await fetch(`${site}/api/publish?channel=live&msg=to${path}`);
  expect(published.status).toBe(200);
  const { id } = (await published.json()) as { readonly id: string };
  const shown = page.getByText(`open: to${path}`, { exact: false });
  await shown.waitFor();
  // The server has rendered the page again.
  const place = `Rendered at ${/^[0-9a-z]+-/.exec(id)?.[0]}`;
  if (path === "/live") await page.getByText(place, { exact: false }).waitFor();
  return /React ([\d.]+)/.exec((await shown.textContent()) ?? "")?.[1] ?? "";
}

/** An error in the page fails the test when the page is closed. */
async function openPage(url: string, browser: Browser): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  const errors: unknown[] = [];
  page.on("pageerror", (error) => errors.push(error));
  page.on("close", () => expect(errors).toEqual([]));
  await page.goto(url);
  return page;
}

interface VerboseHealth {
  readonly sinks: { readonly direct: number; readonly web: number };
  readonly fastPathsOff?: Readonly<Record<string, string>>;
}

async function readSink(site: string): Promise<string> {
  const response = await fetch(`${site}/api/health?verbose`);
  const { sinks, fastPathsOff = {} } = (await response.json()) as VerboseHealth;
  expect(sinks.direct + sinks.web).toBe(1);
  const off = Object.entries(fastPathsOff).map(([path, reason]) => `${path} off: ${reason}`);
  return [sinks.direct === 1 ? "direct" : "through the response", ...off].join("; ");
}
