import { type Browser, launch } from "puppeteer-core";

import { cleanEnv } from "./clean-env.ts";
import { findProgram } from "./find-program.ts";
import { reaper } from "./reaper.ts";
import { tempFolder } from "./temp-folder.ts";

/**
 * Launches Firefox without a window, driven over WebDriver BiDi: Playwright drives only a build of
 * its own. Load only loopback addresses with it.
 *
 * @example
 * await using browser = await launchFirefox();
 * const page = await browser.newPage();
 */
export async function launchFirefox(): Promise<Browser & AsyncDisposable> {
  // Firefox refuses a home folder that belongs to another user, as root's often does in containers.
  const home = await tempFolder("firefox");
  const browser = await launch({
    browser: "firefox",
    executablePath: await findProgram("firefox"),
    headless: true,
    env: { ...cleanEnv(), HOME: home.path, MOZ_CRASHREPORTER_DISABLE: "1" },
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
    extraPrefsFirefox: {
      "app.update.enabled": false,
      "datareporting.policy.dataSubmissionEnabled": false,
      "network.captive-portal-service.enabled": false,
      "network.connectivity-service.enabled": false,
    },
  });
  const pid = browser.process()?.pid;
  if (pid !== undefined) reaper.watchGroup(pid);
  return Object.assign(browser, {
    async [Symbol.asyncDispose]() {
      await browser.close();
      if (pid !== undefined) reaper.groupEnded(pid);
      await home[Symbol.asyncDispose]();
    },
  });
}
