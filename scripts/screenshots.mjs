// node scripts/screenshots.mjs URL: pictures of every page of a running example app, light and dark,
// on a phone and a desktop, into docs/images. It needs SSE_BUS_OPEN_PUBLISH=1 there, and Chromium at
// CHROMIUM_PATH.
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const [url = "http://localhost:3000"] = process.argv.slice(2);
const folder = fileURLToPath(new URL("../docs/images/", import.meta.url));

/** What makes a page show what it is for. */
const scenes = {
  "/": async () => {
    for (const msg of ["HelloWorld", "Ship it", "The kettle has boiled"]) {
      await fetch(`${url}/api/publish?msg=${encodeURIComponent(msg)}`);
    }
  },
  "/hook": async () => fetch(`${url}/api/publish?msg=HelloHook`),
  "/dashboard": async () => {},
  "/system": async () => {},
  "/notifications": async (page) => {
    for (const text of ["The build is green.", "Deploying to production now."]) {
      await page.fill("#post-send", text);
      await page.click("[aria-labelledby=card-chat] button[type=submit]");
      await page.waitForTimeout(300);
    }
    await page.fill("#post-raise", "Disk of db-2 is 91 % full");
    await page.click("[aria-labelledby=card-alerts] button[type=submit]");
  },
  "/progress": async (page) => {
    for (const card of ["task", "build"]) {
      await page.click(`[aria-labelledby=card-${card}] header button:last-of-type`);
    }
  },
  "/scores": async () => {},
  "/inspector": async () => {},
};

await mkdir(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
try {
  for (const colorScheme of ["dark", "light"]) {
    for (const width of [390, 1440]) {
      const viewport = { width, height: width < 600 ? 844 : 900 };
      const context = await browser.newContext({ colorScheme, viewport });
      for (const [path, act] of Object.entries(scenes)) {
        const page = await context.newPage();
        const response = await page.goto(url + path);
        if (!response?.ok()) {
          console.log(`${path} answered ${response?.status()}`);
          await page.close();
          continue;
        }
        await page.waitForTimeout(2000);
        await act(page);
        await page.waitForTimeout(4000);
        const name = `${path.slice(1) || "log"}-${width}-${colorScheme}.jpg`;
        await page.screenshot({ path: folder + name, type: "jpeg", quality: 60 });
        await page.close();
        console.log(name);
      }
      await context.close();
    }
  }
} finally {
  await browser.close();
}
