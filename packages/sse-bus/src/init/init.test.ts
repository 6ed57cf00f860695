import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readMinimalExample } from "../../scripts/minimal-example.mjs";
import { appFolder, filesOf, runInit } from "../../test/support/app-folder.ts";

const manifest = { scripts: { dev: "next dev" }, dependencies: { next: "16.4.6", "sse-bus": "1" } };
const typed = {
  "package.json": manifest,
  "tsconfig.json": { compilerOptions: { paths: { "@/*": ["./*"] } } },
  "app/layout.tsx": "export default function Layout() {}",
  "app/page.tsx": "export default function Home() {}",
};
const example = await readMinimalExample();

/** The files that were added or changed. */
async function changesOf(folder: string, files: Record<string, unknown>) {
  const entries = Object.entries(await filesOf(folder));
  return Object.fromEntries(
    entries.filter(([path, text]) => {
      const before = files[path];
      return (typeof before === "object" ? JSON.stringify(before) : before) !== text;
    }),
  );
}

describe("in a new app", () => {
  test("the files of the minimal example are added, its page beside the app's own", async () => {
    const folder = await appFolder(typed);
    const { code, output, errors } = await runInit(folder);
    expect({ code, errors }).toEqual({ code: 0, errors: "" });
    expect(await changesOf(folder, typed)).toEqual({
      "lib/sse-bus.ts": example.ts["lib/sse-bus"],
      "app/api/sse/route.ts": example.ts["app/api/sse/route"].replace("../../../", "@/"),
      "app/api/publish/route.ts": example.ts["app/api/publish/route"].replace("../../../", "@/"),
      "app/sse/page.tsx": example.ts["app/page"],
      "instrumentation.ts": example.ts.instrumentation,
    });
    expect(output).toContain("Files: 5 created.");
    expect(output).toContain(`import { publish } from "@/lib/sse-bus";`);
    expect(output).toContain("npm run dev");
    expect(output).toContain("http://localhost:3000/sse");
  });

  test("the last line leads to the step of the quickstart that comes after init", async () => {
    const { output } = await runInit(await appFolder(typed));
    const [, page = "", step] = /blob\/main\/(\S+\.md)#(\S+)\n$/.exec(output) ?? [];
    const guide = await readFile(join(import.meta.dirname, "../../../..", page), "utf8");
    const headings = [...guide.matchAll(/^## (.+)$/gm)].map(([, heading = ""]) =>
      heading.toLowerCase().replaceAll(".", "").replaceAll(" ", "-"),
    );
    expect(headings).toContain(step);
  });

  test("a second run changes nothing and says so", async () => {
    const folder = await appFolder(typed);
    await runInit(folder);
    const files = await filesOf(folder);
    // Nobody is asked, either.
    const { code, output } = await runInit(folder, []);
    expect(code).toBe(0);
    expect(output).toContain("Nothing to change");
    expect(await filesOf(folder)).toEqual(files);
  });

  test("files in src import each other by relative paths if there is no alias", async () => {
    const folder = await appFolder({ "package.json": manifest, "src/app/layout.jsx": "" });
    await runInit(folder);
    const files = await filesOf(folder);
    expect(files).toMatchObject({
      "src/app/api/sse/route.js": expect.stringContaining(`from "../../../lib/sse-bus"`),
      "src/app/sse/page.jsx": example.js["app/page"],
      "src/lib/sse-bus.js": example.js["lib/sse-bus"],
      "src/instrumentation.js": example.js.instrumentation,
    });
  });

  test.each([
    ["an alias of another folder", { "@/*": ["./components/*"] }, "../../../lib/sse-bus"],
    ["another alias", { "~/*": ["./src/*"] }, "~/lib/sse-bus"],
    ["the usual alias", { "~/*": ["./src/*"], "@/*": ["./src/*"] }, "@/lib/sse-bus"],
  ])("with %s in a tsconfig.json that it extends, the import fits", async (_, paths, expected) => {
    const folder = await appFolder({
      "package.json": manifest,
      "base.json": { compilerOptions: { paths } },
      "tsconfig.json": `{ // with a comment\n "extends": "./base.json", }`,
      "src/app/layout.tsx": "",
    });
    await runInit(folder);
    const route = await readFile(join(folder, "src/app/api/sse/route.ts"), "utf8");
    expect(route).toContain(`from "${expected}"`);
  });

  test.each(["basePath", `"basePath"`])("the page's URLs have the %s", async (name) => {
    const config = `export default { ${name}: "/shop" };`;
    const folder = await appFolder({ ...typed, "next.config.mjs": config });
    const { output } = await runInit(folder);
    const page = await readFile(join(folder, "app/sse/page.tsx"), "utf8");
    expect(page.match(/\/shop\/api\/sse/g)).toHaveLength(2);
    expect(output).toContain("http://localhost:3000/shop/sse");
  });

  test.each([
    ["a route group", "app/(site)/layout.tsx", "app/(site)/sse/page.tsx", "/sse"],
    ["a language", "app/[locale]/layout.tsx", "app/[locale]/sse/page.tsx", "/[locale]/sse"],
  ])("the page is below the root layout of %s", async (_, layout, page, url) => {
    const { "app/layout.tsx": __, "app/page.tsx": ___, ...rest } = typed;
    const folder = await appFolder({ ...rest, [layout]: "" });
    const { output } = await runInit(folder);
    expect(Object.keys(await filesOf(folder))).toContain(page);
    expect(Object.keys(await filesOf(folder))).not.toContain("app/layout.tsx");
    expect(output).toContain(`http://localhost:3000${url}\n`);
    expect((await runInit(folder, [])).output).toContain("Nothing to change");
  });

  test("a root layout is added if there is none", async () => {
    const folder = await appFolder({ "package.json": manifest });
    await mkdir(join(folder, "app"));
    await runInit(folder);
    expect(await filesOf(folder)).toMatchObject({ "app/layout.js": example.js["app/layout"] });
    expect((await runInit(folder, [])).output).toContain("Nothing to change");
  });

  test("--no-page leaves the page out", async () => {
    const folder = await appFolder(typed);
    const { output } = await runInit(folder, ["--yes", "--no-page"]);
    expect(Object.keys(await filesOf(folder))).not.toContain("app/sse/page.tsx");
    expect(output).not.toContain("Open the page");
  });

  test("--cwd names the folder of the app", async () => {
    const folder = await appFolder({
      "apps/web/package.json": manifest,
      "apps/web/app/page.js": "",
    });
    const { code } = await runInit(folder, ["--yes", "--cwd", "apps/web"]);
    expect(code).toBe(0);
    expect(Object.keys(await filesOf(folder))).toContain("apps/web/lib/sse-bus.js");
  });

  test("--dry-run prints a diff and writes nothing", async () => {
    const files = {
      ...typed,
      "instrumentation.ts": "export function register() {\n  start();\n}\n",
    };
    const folder = await appFolder(files);
    const { code, output, commands } = await runInit(folder, ["--dry-run"]);
    expect({ code, commands }).toEqual({ code: 0, commands: [] });
    expect(await changesOf(folder, files)).toEqual({});
    expect(output).toContain("--- /dev/null\n+++ b/app/api/sse/route.ts\n@@ -0,0 +1,4 @@\n+import");
    expect(output).toContain(
      "-export function register() {\n+export async function register() {\n",
    );
  });
});

describe("what is there already", () => {
  const own = "export const GET = () => new Response();\n";

  test.each([
    ["the route of the stream", "app/api/sse/route.ts"],
    ["a route in a group", "app/(api)/api/sse/route.js"],
    ["publishing", "app/api/publish/route.ts"],
    ["a page", "app/(site)/sse/page.tsx"],
    ["another lib/sse-bus", "lib/sse-bus/index.ts"],
  ])("for something else stays, and is left to the user: %s", async (_, path) => {
    const files = { ...typed, [path]: own };
    const folder = await appFolder(files);
    const { code, output } = await runInit(folder);
    expect(code).toBe(1);
    expect(await filesOf(folder)).toMatchObject({ [path]: own });
    expect(Object.keys(await changesOf(folder, files))).toHaveLength(4);
    expect(output).toContain(`${path} was left alone: it is there for something else.`);
  });

  test.each([
    ["a route of the Pages Router", "pages/api/sse.ts", "/api/sse"],
    ["a page", "app/api/publish/page.tsx", "/api/publish"],
    ["a route", "app/sse/route.ts", "/sse"],
  ])("and has one of the URLs is never replaced: %s", async (_, path, url) => {
    const files = { ...typed, [path]: own };
    const folder = await appFolder(files);
    const { code, output } = await runInit(folder, ["--yes", "--overwrite"]);
    expect(code).toBe(1);
    expect(await filesOf(folder)).toMatchObject({ [path]: own });
    expect(Object.keys(await changesOf(folder, files))).toHaveLength(4);
    expect(output).toContain(`${path} was left alone: it has the URL ${url}. Move it`);
  });

  test("for something else is replaced with --overwrite", async () => {
    const folder = await appFolder({ ...typed, "app/api/sse/route.ts": own });
    const { code } = await runInit(folder, ["--yes", "--overwrite"]);
    expect(code).toBe(0);
    const route = await readFile(join(folder, "app/api/sse/route.ts"), "utf8");
    expect(route).toContain("createSseRoute({ bus })");
  });

  test.each([true, false])("for something else is asked about: replace is %s", async (replace) => {
    const folder = await appFolder({ ...typed, "app/api/sse/route.ts": own });
    const { asked, code } = await runInit(folder, [], { decisions: ["apply"], replace });
    expect(asked).toEqual(["app/api/sse/route.ts"]);
    expect(code).toBe(replace ? 0 : 1);
    const route = await readFile(join(folder, "app/api/sse/route.ts"), "utf8");
    expect(route === own).toBe(!replace);
  });

  test("and uses sse-bus stays, even with --overwrite", async () => {
    const route = `import { createSseRoute } from "sse-bus/next";\nexport const mine = 1;\n`;
    const folder = await appFolder({ ...typed, "app/api/sse/route.ts": route });
    const { code } = await runInit(folder, ["--yes", "--overwrite"]);
    expect(code).toBe(0);
    expect(await filesOf(folder)).toMatchObject({ "app/api/sse/route.ts": route });
  });

  test("an instrumentation file that cannot be merged stays, with the code to add", async () => {
    const text = `export { register } from "./tracing";\n`;
    const folder = await appFolder({ ...typed, "instrumentation.ts": text });
    const { code, output } = await runInit(folder);
    expect(code).toBe(1);
    expect(await filesOf(folder)).toMatchObject({ "instrumentation.ts": text });
    expect(output).toMatch(
      /instrumentation\.ts was left alone: it exports `register` of another file\. Add this to its `register`, which must be async:\n\n {4}if \(process\.env\.NEXT_RUNTIME === "nodejs"\) \{\n {6}await import/,
    );
  });

  test("is never written through a symbolic link that leads out of the app", async () => {
    const folder = await appFolder({
      "web/package.json": manifest,
      "web/app/layout.js": "",
      "shared/a.js": "a",
    });
    const web = join(folder, "web");
    await symlink(join(folder, "shared"), join(web, "lib"));
    await writeFile(join(folder, "register.js"), "export function register() {}\n");
    await symlink(join(folder, "register.js"), join(web, "instrumentation.js"));
    await mkdir(join(web, "app/api"));
    await symlink(join(folder, "nowhere"), join(web, "app/api/sse"));
    const { code, output } = await runInit(web, ["--yes", "--overwrite"]);
    expect(code).toBe(1);
    expect(await filesOf(join(folder, "shared"))).toEqual({ "a.js": "a" });
    expect(await readFile(join(folder, "register.js"), "utf8")).toBe(
      "export function register() {}\n",
    );
    for (const path of ["lib/sse-bus.js", "instrumentation.js", "app/api/sse/route.js"]) {
      expect(output).toContain(`${path} was left alone`);
    }
  });

  test("is written through a symbolic link inside of the app", async () => {
    const folder = await appFolder({
      "package.json": manifest,
      "app/layout.js": "",
      "code/lib/a.js": "a",
    });
    await symlink("code/lib", join(folder, "lib"));
    const { code } = await runInit(folder);
    expect(code).toBe(0);
    expect(await filesOf(folder)).toMatchObject({
      "code/lib/sse-bus.js": example.js["lib/sse-bus"],
    });
  });
});

test("a file that cannot be written is reported, and the next run continues", async () => {
  const folder = await appFolder({ ...typed, "app/api/sse": "a file" });
  const { code, errors } = await runInit(folder);
  expect(code).toBe(1);
  expect(errors).toMatch(
    /^app\/api\/sse\/route\.ts cannot be written: EEXIST.*run the command again\.$/m,
  );
  await rm(join(folder, "app/api/sse"));
  expect((await runInit(folder)).code).toBe(0);
});

describe("a question", () => {
  test("comes before anything is written; no leaves everything as it is", async () => {
    const folder = await appFolder(typed);
    const { code, output } = await runInit(folder, [], { decisions: ["diff", "cancel"] });
    expect(code).toBe(1);
    expect(output).toContain("+++ b/app/sse/page.tsx");
    expect(output).toContain("Nothing was written.");
    expect(await changesOf(folder, typed)).toEqual({});
  });

  test("that nobody can answer ends the command", async () => {
    const folder = await appFolder(typed);
    const { code, errors } = await runInit(folder, []);
    expect(code).toBe(2);
    expect(errors).toMatch(/--yes.*--dry-run/);
    expect(await changesOf(folder, typed)).toEqual({});
  });
});

describe("if package.json does not list the package,", () => {
  const { "sse-bus": _, ...dependencies } = manifest.dependencies;
  const files = { ...typed, "package.json": { ...manifest, dependencies } };

  test.each([
    ["npm", {}, "npm install sse-bus"],
    ["pnpm", { "pnpm-lock.yaml": "" }, "pnpm add sse-bus"],
    ["yarn", { "yarn.lock": "" }, "yarn add sse-bus"],
    ["bun", { "bun.lock": "" }, "bun add sse-bus"],
    [
      "pnpm in the root of a workspace",
      { "pnpm-lock.yaml": "", "pnpm-workspace.yaml": "" },
      "pnpm add --ignore-workspace-root-check sse-bus",
    ],
    [
      "the packageManager of package.json",
      { "package.json": { ...manifest, dependencies, packageManager: "yarn@4.1.0" } },
      "yarn add sse-bus",
    ],
  ])("%s adds it, and its command is shown", async (_, more, command) => {
    const folder = await appFolder({ ...files, ...more });
    const { code, commands, output } = await runInit(folder);
    expect({ code, commands }).toEqual({ code: 0, commands: [command] });
    expect(output).toContain(`$ ${command}\n`);
    expect(output).not.toContain("Add the package");
  });

  test("the lock file may be in the root of the monorepo", async () => {
    const folder = await appFolder({
      "pnpm-lock.yaml": "",
      "web/package.json": files["package.json"],
      "web/app/page.js": "",
    });
    expect((await runInit(join(folder, "web"))).commands).toEqual(["pnpm add sse-bus"]);
  });

  test("a failure is reported, with the command", async () => {
    const folder = await appFolder(files);
    const { code, errors, output } = await runInit(folder, ["--yes"], { succeeds: false });
    expect(code).toBe(1);
    expect(errors).toContain("npm install sse-bus failed");
    expect(output).toContain("1. Add the package:  npm install sse-bus");
  });

  test("--no-install says only what adds it", async () => {
    const folder = await appFolder(files);
    const { code, commands, output } = await runInit(folder, ["--yes", "--no-install"]);
    expect({ code, commands }).toEqual({ code: 0, commands: [] });
    expect(output).toContain("1. Add the package:  npm install sse-bus");
  });

  test("a dry run adds nothing", async () => {
    const { commands, output } = await runInit(await appFolder(files), ["--dry-run"]);
    expect(commands).toEqual([]);
    expect(output).toContain("run     npm install sse-bus");
  });
});

describe("a note names", () => {
  test.each([
    [
      "moduleResolution",
      { "tsconfig.json": { compilerOptions: { moduleResolution: "node" } } },
      /"moduleResolution": "bundler"/,
    ],
    [
      "a basePath that is computed",
      { "next.config.js": "module.exports = { basePath: base };" },
      /next\.config\.js computes basePath/,
    ],
    [
      "other page extensions",
      { "next.config.js": `module.exports = { pageExtensions: ["page.tsx"] };` },
      /sets pageExtensions/,
    ],
    ["a proxy.ts", { "proxy.ts": "" }, /proxy\.ts runs before the new routes/],
  ])("%s", async (_, more, note) => {
    const folder = await appFolder({ ...typed, ...more });
    expect((await runInit(folder)).output).toMatch(note);
    expect((await runInit(await appFolder(typed))).output).not.toMatch(note);
  });
});

test.each([
  [["--what"], /Unknown option '--what'/],
  [["apps/web"], /init takes no arguments\. For another folder, use --cwd/],
  [["--cwd", ""], /--cwd is empty/],
  [["--cwd"], /'--cwd/],
])("the wrong command line %j is reported", async (args, message) => {
  const { code, errors } = await runInit("/", args);
  expect(code).toBe(2);
  expect(errors).toMatch(message);
});

test("whatever an app consists of, a second run changes nothing, and no own file is changed but instrumentation", async () => {
  const own = "export const own = 1;\n";
  const parts = fc.record({
    base: fc.constantFrom("", "src/"),
    config: fc.constantFrom("tsconfig.json", "jsconfig.json", undefined),
    layout: fc.constantFrom("layout.tsx", "(site)/layout.js", "[lang]/layout.jsx", undefined),
    instrumentation: fc.constantFrom(
      undefined,
      "",
      "export function register() {}",
      "export *  from 'a';",
      "a =",
    ),
    files: fc.subarray([
      "app/page.tsx",
      "app/api/sse/route.js",
      "app/sse/page.js",
      "app/sse/route.ts",
      "lib/sse-bus.ts",
      "pages/api/publish.js",
    ]),
  });
  await fc.assert(
    fc.asyncProperty(parts, async ({ base, config, layout, instrumentation, files }) => {
      const app: Record<string, unknown> = { "package.json": manifest, [`${base}app/x.txt`]: "" };
      if (config) app[config] = {};
      if (layout) app[`${base}app/${layout}`] = own;
      if (instrumentation !== undefined) app[`${base}instrumentation.js`] = instrumentation;
      for (const file of files) app[base + file] = own;
      const folder = await appFolder(app);
      const first = await runInit(folder);
      const after = await filesOf(folder);
      for (const [path, text] of Object.entries(app)) {
        if (text === own) expect(after[path]).toBe(own);
      }
      const second = await runInit(folder);
      expect(await filesOf(folder)).toEqual(after);
      expect(second.code).toBe(first.code);
      expect(second.output).toContain(
        first.code === 0 ? "Nothing to change" : "Nothing was changed",
      );
      await rm(folder, { recursive: true });
    }),
    { numRuns: 40 },
  );
});
