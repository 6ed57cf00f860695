import { cp, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { launchChromium } from "../support/chromium.ts";
import { publish } from "../support/http-api.ts";
import { type PackedApp, packedApp } from "../support/packed-app.ts";
import { runProcess } from "../support/processes.ts";
import { repository } from "../support/repository.ts";
import { tempFolder } from "../support/temp-folder.ts";

// What a user does: create-next-app, `npx sse-bus init`, start, open the page. The package is installed from its tarball.

let app: PackedApp;
let browser: Browser;

beforeAll(async () => {
  [app, browser] = await Promise.all([packedApp(), launchChromium()]);
}, 500_000);

afterAll(async () => {
  await browser?.close();
  await app?.[Symbol.asyncDispose]();
});

describe.each([
  ["TypeScript with src", ["--ts", "--src-dir", "--import-alias", "@/*"], "src/"],
  ["JavaScript without src", ["--js", "--no-src-dir", "--import-alias", "@/*"], ""],
])("in a new app in %s, after `sse-bus init`,", (_, flags, base) => {
  test("the files are there, and a second run changes nothing", async () => {
    await makeNewApp(flags);
    await app.write({
      [`${base}instrumentation.${base ? "ts" : "js"}`]:
        "export function register() {\n  console.log('the app has started');\n}\n",
    });
    expect(await init("--yes")).toContain("Files: 4 created, 1 changed.");
    expect(await init()).toContain("Nothing to change");
  }, 200_000);

  test("a message appears on the new page in development", async () => {
    await using server = await app.serve("dev");
    // `next dev` blocks other hosts.
    await expectMessage(server.url.replace("127.0.0.1", "localhost"));
  }, 300_000);

  test("a message appears on the new page in production, the home page stays, and SIGTERM ends the server", async () => {
    await app.build("turbopack");
    await using server = await app.serve("start");
    await expectMessage(server.url);
    expect(await (await fetch(server.url)).text()).toMatch(/Hello world!/i);
    expect(server.process.output()).toContain("the app has started");

    await using page = await browser.newPage();
    await page.goto(`${server.url}/sse`);
    await page.getByRole("log").getByText("hello", { exact: false }).waitFor();
    // Without `registerSseBus`, `next start` waits for open streams until it is killed.
    expect((await server.process.stop()).signal).not.toBe("SIGKILL");
  }, 500_000);

  test.runIf(flags.includes("--ts"))(
    "the code of the quickstart, pasted as it is, builds and counts in two windows",
    async () => {
      const files = Object.entries(await filesOfQuickstart());
      expect(files).toHaveLength(4);
      await app.write(Object.fromEntries(files.map(([path, code]) => [base + path, code])));
      await app.build("turbopack");
      await using server = await app.serve("start");
      await using one = await browser.newPage();
      await using other = await browser.newPage();
      for (const page of [one, other]) await page.goto(`${server.url}/likes`);
      await one.getByRole("button", { name: "0 likes" }).click();
      for (const page of [one, other])
        await page.getByRole("button", { name: "1 likes" }).waitFor();
    },
    500_000,
  );
});

/** Replaces the example by what create-next-app makes; the installed packages stay. */
async function makeNewApp(flags: readonly string[]): Promise<void> {
  await using temp = await tempFolder("create-next-app");
  // Without --empty, the layout loads a font from Google.
  const always = ["--app", "--empty", "--no-tailwind", "--no-eslint", "--use-npm", "--yes"];
  const quiet = ["--skip-install", "--disable-git"];
  await runProcess("npx", ["-y", "create-next-app@latest", "app", ...always, ...quiet, ...flags], {
    cwd: temp.path,
    timeoutMs: 120_000,
  });
  const kept = ["node_modules", "package.json", "package-lock.json"];
  for (const name of await readdir(app.folder)) {
    if (!kept.includes(name)) await rm(join(app.folder, name), { recursive: true });
  }
  for (const name of await readdir(join(temp.path, "app"))) {
    if (kept.includes(name)) continue;
    await cp(join(temp.path, "app", name), join(app.folder, name), { recursive: true });
  }
}

/** Each block of code after "Create `PATH`". */
async function filesOfQuickstart(): Promise<Record<string, string>> {
  const guide = await readFile(join(repository, "docs/quickstart.md"), "utf8");
  const blocks = guide.matchAll(/Create `(\S+)`[^]*?```tsx?\n([^]*?)```/g);
  return Object.fromEntries([...blocks].map(([, path = "", code = ""]) => [path, code]));
}

async function init(...args: readonly string[]): Promise<string> {
  return runProcess("npx", ["sse-bus", "init", ...args], { cwd: app.folder });
}

async function expectMessage(url: string): Promise<void> {
  await using page = await browser.newPage();
  const errors: unknown[] = [];
  page.on("pageerror", (error) => errors.push(error));
  // `next dev` compiles the page first.
  await page.goto(`${url}/sse`, { timeout: 120_000 });
  const log = page.getByRole("log");
  await log.getByText("hello", { exact: false }).waitFor();
  await publish(url, { data: "HelloWorld" });
  await log.getByText("HelloWorld", { exact: false }).waitFor();
  expect(errors).toEqual([]);
}
