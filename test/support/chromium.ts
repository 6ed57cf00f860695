import { existsSync } from "node:fs";
import { type Browser, chromium, type LaunchOptions } from "playwright-core";

import { cleanEnv } from "./clean-env.ts";
import { findProgram, locateProgram } from "./find-program.ts";

/**
 * Launches Chromium or Chrome without a window. Load only loopback addresses with it.
 *
 * @example
 * await using browser = await launchChromium();
 * const page = await browser.newPage();
 */
export async function launchChromium(options: LaunchOptions = {}): Promise<Browser> {
  return chromium.launch({
    executablePath: await executable(),
    env: cleanEnv(),
    // The runner's own signals end this process, and the browser with it: its pipe closes.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
    ...options,
    args: [...flags, ...(options.args ?? [])],
  });
}

const flags = [
  // The sandbox cannot be set up as root nor in most containers; the tests load only their own pages.
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

async function executable(): Promise<string> {
  const located = locateProgram("chromium");
  if (located !== undefined) return located;
  // What `npx playwright-core install chromium` downloads, on systems without a package for it.
  const downloaded = chromium.executablePath();
  return existsSync(downloaded) ? downloaded : findProgram("chromium");
}
