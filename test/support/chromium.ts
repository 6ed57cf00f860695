import { existsSync } from "node:fs";
import { type Browser, chromium, type LaunchOptions } from "playwright-core";

import { cleanEnv } from "./clean-env.ts";
import { findProgram, locateOptional, locateProgram } from "./find-program.ts";
import { pathVariable } from "./programs.ts";

export interface ChromiumOptions extends LaunchOptions {
  /**
   * The whole browser, for what the headless shell lacks: its back-forward cache and notifications. The
   * shell is the same engine without the browser's own windows, and a page costs it two thirds of the time.
   * @default false
   */
  readonly isWhole?: boolean;
}

/**
 * Launches Chromium or Chrome without a window: the headless shell if the machine has it. Load only loopback
 * addresses with it.
 *
 * @example
 * await using browser = await launchChromium();
 * const page = await browser.newPage();
 */
export async function launchChromium(options: ChromiumOptions = {}): Promise<Browser> {
  const { isWhole = false, ...launching } = options;
  return chromium.launch({
    executablePath: (isWhole ? undefined : shell()) ?? (await executable()),
    env: cleanEnv(),
    // The runner's signals end this process, and the browser with it, because its pipe closes.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
    ...launching,
    args: [...flags, ...(launching.args ?? [])],
  });
}

const flags = [
  // The sandbox cannot be set up as root or in most containers; the tests load only their own pages.
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The headless shell, unless CHROMIUM_PATH names a browser. */
function shell(): string | undefined {
  const isGiven = Boolean(process.env[pathVariable("chromium")]);
  return isGiven ? undefined : locateOptional("chromium-headless-shell");
}

async function executable(): Promise<string> {
  const located = locateProgram("chromium");
  if (located !== undefined) return located;
  // The download of `npx playwright-core install chromium`, on systems without a package for it.
  const downloaded = chromium.executablePath();
  return existsSync(downloaded) ? downloaded : findProgram("chromium");
}
