// node scripts/screenshots.mjs URL [INSPECTOR_TOKEN [/PAGE…]]: pictures of every page of a running example
// app, light and dark, on a phone and a desktop, into docs/images. It needs SSE_BUS_OPEN_PUBLISH=1
// there, SSE_BUS_INSPECTOR_TOKEN for the inspector, and Chromium at CHROMIUM_PATH.
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const [url = "http://localhost:3000", token = "", ...only] = process.argv.slice(2);
const folder = fileURLToPath(new URL("../docs/images/", import.meta.url));
/** Some pages show what has happened for a while. */
const settleMs = 3_500;

/** What makes a page show what it is for; what it gives is where the picture begins. */
const scenes = {
  "/": async () => {
    for (const msg of ["HelloWorld", "Ship it", "The kettle has boiled"]) {
      await fetch(`${url}/api/publish?msg=${encodeURIComponent(msg)}`);
    }
  },
  "/hook": async () => void (await fetch(`${url}/api/publish?msg=HelloHook`)),
  "/dashboard": async (page) => {
    await page.click("input[value='2000']");
    await page
      .locator('[data-stat="Updates per second"] dd')
      .getByText(/^[12],\d/)
      .waitFor();
    // The chart shows ten seconds.
    await page.waitForTimeout(7000);
    return "card-feed";
  },
  "/system": async () => {},
  "/notifications": async (page, isPhone) => {
    for (const text of ["The build is green.", "Deploying to production now."]) {
      await page.fill("#post-send", text);
      await page.click("[aria-labelledby=card-chat] button[type=submit]");
      await page.waitForTimeout(300);
    }
    await page.fill("#post-raise", "Disk of db-2 is 91 % full");
    await page.click("[aria-labelledby=card-alerts] button[type=submit]");
    return isPhone ? "card-unread" : undefined;
  },
  "/progress": async (page, isPhone) => {
    for (const card of ["task", "build"]) {
      await page.click(`[aria-labelledby=card-${card}] header button:last-of-type`);
    }
    return isPhone ? "card-build" : "card-task";
  },
  "/scores": async (page) => page.click("[data-command='goal home']"),
  "/guarantees": async (page, isPhone) => {
    await page.click("[data-command=cut]");
    await page.waitForTimeout(2500);
    await page.click("[data-command=evict]");
    return isPhone ? undefined : "card-the-guarantees-on-this-page-s-own-stream";
  },
  // Rates of a minute.
  "/inspector": async (page) => page.waitForTimeout(8_000),
};

await mkdir(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
try {
  // Charts show minutes, and are filled only while somebody looks.
  const watcher = await browser.newContext();
  for (const path of ["/system", "/scores"]) await (await watcher.newPage()).goto(url + path);
  for (const colorScheme of ["dark", "light"]) {
    for (const width of [390, 1440]) {
      const viewport = { width, height: width < 600 ? 844 : 900 };
      const httpCredentials = { username: "", password: token };
      const context = await browser.newContext({ colorScheme, viewport, httpCredentials });
      for (const [path, act] of Object.entries(scenes)) {
        if (only.length > 0 && !only.includes(path)) continue;
        const page = await context.newPage();
        const response = await page.goto(url + path);
        if (!response?.ok()) {
          console.log(`${path} answered ${response?.status()}`);
          await page.close();
          continue;
        }
        await page.waitForTimeout(2000);
        const top = await act(page, width < 600);
        await page.waitForTimeout(settleMs);
        await page.evaluate((id) => {
          document.activeElement?.blur();
          const card = document.querySelector(`[aria-labelledby=${id}]`);
          scrollTo(0, card ? card.getBoundingClientRect().top + scrollY - 24 : 0);
        }, top);
        await page.waitForTimeout(300);
        const name = `${path.slice(1) || "log"}-${width}-${colorScheme}.webp`;
        // Playwright itself takes PNG and JPEG alone: the first is ten times as large, the second blurs text.
        const session = await context.newCDPSession(page);
        const picture = { format: "webp", quality: 70 };
        const { data } = await session.send("Page.captureScreenshot", picture);
        await writeFile(folder + name, data, "base64");
        await page.close();
        console.log(name);
      }
      await context.close();
    }
  }
} finally {
  await browser.close();
}
