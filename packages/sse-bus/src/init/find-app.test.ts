import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { appFolder } from "../../test/support/app-folder.ts";
import { findApp } from "./find-app.ts";
import { isTooOld } from "./next-version.ts";

const next16 = { dependencies: { next: "16.0.0" } };

test.each([
  ["app", { "app/page.tsx": "" }, { base: "", appFolder: "app" }],
  ["src/app", { "src/app/page.tsx": "" }, { base: "src", appFolder: "src/app" }],
  ["app, of both", { "app/page.tsx": "", "src/app/page.tsx": "" }, { base: "", appFolder: "app" }],
  ["app, beside pages", { "app/page.tsx": "", "pages/old.tsx": "" }, { base: "" }],
])("the App Router is found in %s", async (_, files, expected) => {
  const folder = await appFolder({ "package.json": next16, ...files });
  expect(await findApp(folder)).toMatchObject({ folder, nextVersion: "16.0.0", ...expected });
});

test("the language is TypeScript if there is a tsconfig.json", async () => {
  const files = { "package.json": next16, "app/page.tsx": "" };
  expect(await findApp(await appFolder(files))).toMatchObject({ isTypeScript: false });
  const typed = await appFolder({ ...files, "tsconfig.json": {} });
  expect(await findApp(typed)).toMatchObject({ isTypeScript: true });
});

test.each(["", "../../"])(
  "the version of Next.js that is installed in %jnode_modules counts, not the declared one",
  async (parent) => {
    const root = await appFolder({
      "apps/web/package.json": { dependencies: { next: "^16.0.0" } },
      "apps/web/app/page.js": "",
      [join("apps/web", parent, "node_modules/next/package.json")]: { version: "16.4.6" },
    });
    expect(await findApp(join(root, "apps/web"))).toMatchObject({ nextVersion: "16.4.6" });
  },
);

test("a folder that is a symbolic link is the folder that it leads to", async () => {
  const folder = await appFolder({ "web/package.json": next16, "web/app/page.js": "" });
  await symlink(join(folder, "web"), join(folder, "link"));
  expect(await findApp(join(folder, "link"))).toMatchObject({ folder: join(folder, "web") });
});

test("the settings of next.config are read without running it", async () => {
  const config = `
    throw new Error("run");
    const config = {
      basePath: "/shop",
      pageExtensions: ["tsx", "mdx"],
      rewrites: async () => [{ source: "/a", destination: "/b", basePath: false }],
    };
    export default config;
  `;
  const files = { "package.json": next16, "app/page.js": "", "next.config.ts": config };
  expect((await findApp(await appFolder(files))).config).toEqual({
    file: "next.config.ts",
    basePath: "/shop",
    pageExtensions: ["tsx", "mdx"],
    isExport: false,
  });
  const computed = "module.exports = { basePath: process.env.BASE, pageExtensions: [...list] };";
  const other = await appFolder({ ...files, "next.config.ts": "", "next.config.js": computed });
  expect((await findApp(other)).config).toMatchObject({
    file: "next.config.js",
    basePath: undefined,
    pageExtensions: undefined,
  });
});

describe("an error says why, and what to do,", () => {
  test.each([
    ["in an empty folder", {}, /There is no package\.json in .*--cwd.*create-next-app/],
    [
      "in another kind of app",
      { "package.json": { dependencies: { vite: "7" } } },
      /package\.json does not list next as a dependency\./,
    ],
    ["if package.json is broken", { "package.json": "{" }, /package\.json is not valid JSON/],
    ["if package.json is no object", { "package.json": "null" }, /package\.json is not valid JSON/],
    [
      "if one of the monorepo's package.json is no object",
      { "package.json": {}, "apps/a/package.json": "null", "apps/web/package.json": next16 },
      /--cwd apps\/web$/,
    ],
    [
      "with only the Pages Router",
      { "package.json": next16, "src/pages/index.tsx": "" },
      /only the Pages Router \(src\/pages\)\..*folder src\/app beside/,
    ],
    ["without pages and app", { "package.json": next16 }, /There is no app folder in/],
    [
      "with an old Next.js",
      { "package.json": { dependencies: { next: "~14.2.3" } }, "app/page.js": "" },
      /Next\.js ~14\.2\.3 is too old: sse-bus needs >=.*Upgrade/,
    ],
    [
      "if the app is a set of files",
      {
        "package.json": next16,
        "app/page.js": "",
        "next.config.mjs": `export default { output: "export" };`,
      },
      /next\.config\.mjs sets output: "export".*hub/,
    ],
    [
      "in the root of a monorepo",
      { "package.json": {}, "apps/web/package.json": next16, "apps/api/package.json": {} },
      /Run:\n {2}npx sse-bus init --cwd apps\/web$/,
    ],
  ])("%s", async (_, files, message) => {
    await expect(findApp(await appFolder(files))).rejects.toThrow(message);
  });

  test("in a folder of the app", async () => {
    const folder = await appFolder({ "package.json": next16, "app/page.js": "" });
    await expect(findApp(join(folder, "app"))).rejects.toThrow(/npx sse-bus init --cwd \.\.$/);
  });

  test("if there is no such folder", async () => {
    await expect(findApp("/no/such/folder")).rejects.toThrow("There is no folder /no/such/folder.");
  });
});

test.each([
  ["15.1.0", ">=15.1", false],
  ["15.0.9", ">=15.1", true],
  ["15.0.0", ">=15", false],
  ["^14.2.0", ">=15", true],
  ["15", ">=15.1", false],
  ["15.x", ">=15.1", false],
  [">=15.2 <17", ">=15.1", false],
  ["16.1.0-canary.3", ">=15.1", false],
  ["canary", ">=15.1", false],
  ["catalog:next14", ">=15.1", false],
  ["workspace:*", ">=15.1", false],
])("Next.js %s where %s is needed: too old is %s", (version, supported, expected) => {
  expect(isTooOld(version, supported)).toBe(expected);
});
