// node scripts/screenshots.mjs [/PAGE…]: pictures of the demo's pages, light and dark, on a phone and a
// desktop, into docs/images. It serves the production build, so run `npx -y pnpm build` first. It uses the
// Chromium at CHROMIUM_PATH.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const only = process.argv.slice(2);
const images = fileURLToPath(new URL("../docs/images/", import.meta.url));
const demo = fileURLToPath(new URL("../apps/demo/", import.meta.url));
const port = 3_990;
const token = "of-the-pictures-alone-0123456789";
const url = `http://127.0.0.1:${port}`;
const looks = ["light", "dark"].flatMap((colorScheme) => [
  { colorScheme, viewport: { width: 1440, height: 900 } },
  { colorScheme, viewport: { width: 390, height: 844 } },
]);

const publish = async (msg) => fetch(`${url}/api/publish?msg=${encodeURIComponent(msg)}`);

/** What makes a page show what it is for. */
const scenes = {
  "/": async (page) => {
    for (const msg of ["HelloWorld", "Ship it", "The kettle has boiled"]) await publish(msg);
    await page.getByRole("log").getByText("The kettle has boiled").first().waitFor();
  },
  "/hook": async (page) => {
    await publish("HelloHook");
    await page.getByRole("log").getByText("HelloHook").first().waitFor();
  },
  "/dashboard": async (page) => {
    await page.locator("input[value='2000']").click();
    await page
      .locator('[data-stat="Updates per second"] dd')
      .getByText(/^[12],\d/)
      .waitFor();
    // The chart shows ten seconds.
    await page.waitForTimeout(10_000);
  },
  "/system": async (page) => {
    await page.getByRole("button", { name: "Write test lines" }).click();
    // The charts show two minutes, and fill only while somebody looks.
    await page.waitForTimeout(120_000);
  },
  "/notifications": async (page) => {
    for (const text of ["The build is green.", "Deploying to production now."]) {
      await page.locator("#post-send").fill(text);
      await page.keyboard.press("Enter");
      await page.locator("[aria-labelledby=card-chat]").getByText(text).first().waitFor();
    }
    await page.locator("#post-raise").fill("Disk of db-2 is 91 % full");
    await page.keyboard.press("Enter");
    await page.getByTestId("toasts").getByText("Disk of db-2").first().waitFor();
  },
  "/progress": async (page) => {
    await page.getByRole("button", { name: "Send 20 MB" }).click();
    await page.getByRole("button", { name: "Run the checks" }).click();
    await page
      .getByText(/Exit code 0/)
      .first()
      .waitFor();
    await page.getByRole("button", { name: "Start the task" }).click();
    await page
      .getByText(/[1-9]\d of 200 rounds/)
      .first()
      .waitFor();
  },
  "/scores": async (page) => {
    await page.getByRole("button", { name: "goal for Harbour" }).click();
    await page.getByRole("log").getByText("goal").last().waitFor();
    await page
      .getByTestId("race-time")
      .getByText(/:[1-4]\d\./)
      .waitFor({ timeout: 90_000 });
  },
  "/chat": async (page) => {
    await page.getByRole("button", { name: "Who are you?" }).click();
    await page.getByText("The stream that you are reading is real.").first().waitFor();
  },
  "/guarantees": async (page) => {
    await page.locator("[data-command=cut]").click();
    await page.waitForTimeout(2_500);
    await page.locator("[data-command=evict]").click();
  },
  // Rates of a minute.
  "/inspector": async (page) => page.waitForTimeout(8_000),
};

const { NODE_ENV: _, ...env } = process.env;
const next = createRequire(`${demo}package.json`).resolve("next/dist/bin/next");
const server = spawn(process.execPath, [next, "start", "--port", port, "--hostname", "127.0.0.1"], {
  cwd: demo,
  env: { ...env, SSE_BUS_OPEN_PUBLISH: "1", SSE_BUS_INSPECTOR_TOKEN: token },
  stdio: ["ignore", "ignore", "inherit"],
});
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
try {
  await untilReady();
  await mkdir(images, { recursive: true });
  for (const [path, act] of Object.entries(scenes)) {
    if (only.length === 0 || only.includes(path)) await take(path, act);
  }
} finally {
  await browser.close();
  server.kill();
  await once(server, "exit");
}

async function untilReady() {
  for (let tries = 0; ; tries++) {
    const response = await fetch(`${url}/api/health`).catch(() => undefined);
    if (response?.ok) return;
    if (tries > 150 || server.exitCode !== null) throw new Error("The demo did not start.");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** All looks of a page at once, as windows of one visitor, so that they show the same. */
async function take(path, act) {
  const pages = [];
  let storageState;
  for (const look of looks) {
    const fixed = { locale: "en-GB", timezoneId: "UTC", reducedMotion: "reduce" };
    const httpCredentials = { username: "", password: token };
    const context = await browser.newContext({ ...look, ...fixed, httpCredentials, storageState });
    const page = await context.newPage();
    await page.goto(url + path);
    if (path !== "/inspector") await page.getByText("Live", { exact: true }).first().waitFor();
    storageState ??= await context.storageState();
    pages.push(page);
  }
  await act(pages[0]);
  await pages[0].waitForTimeout(500);
  for (const [index, page] of pages.entries()) {
    const { colorScheme, viewport } = looks[index];
    await page.evaluate(() => {
      document.activeElement?.blur();
      scrollTo(0, 0);
    });
    // Playwright itself has only PNG and JPEG: the first is ten times as large, the second blurs text.
    const session = await page.context().newCDPSession(page);
    const picture = { format: "webp", quality: 70 };
    const { data } = await session.send("Page.captureScreenshot", picture);
    const name = `${path.slice(1) || "log"}-${viewport.width}-${colorScheme}.webp`;
    await writeFile(images + name, data, "base64");
    console.log(name);
  }
  for (const page of pages) await page.context().close();
}
