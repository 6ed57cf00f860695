import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { readMinimalExample } from "../../packages/sse-bus/scripts/minimal-example.mjs";
import { runProcess } from "../support/processes.ts";
import { repository } from "../support/repository.ts";
import { tempFolder } from "../support/temp-folder.ts";

// The built command on folders of apps, which are type-checked, but neither installed nor built.

const built = join(repository, "packages/sse-bus");
const cli = join(built, "dist/hub/cli.js");
const bin = (name: string): string => join(repository, "node_modules/.bin", name);

const manifest = { dependencies: { next: "16.4.6", "sse-bus": "0.1.0" } };
const compilerOptions = {
  target: "ES2017",
  lib: ["dom", "dom.iterable", "esnext"],
  module: "esnext",
  moduleResolution: "bundler",
  allowJs: true,
  skipLibCheck: true,
  noEmit: true,
  esModuleInterop: true,
  isolatedModules: true,
  jsx: "react-jsx",
};
/** Next.js writes this file. */
const nextEnv = { "next-env.d.ts": '/// <reference types="next" />\n' };

describe("what it writes passes the type check", () => {
  test("in TypeScript, in src, with an alias, and with an instrumentation file that was there", async () => {
    await using app = await appWith({
      "tsconfig.json": JSON.stringify({
        compilerOptions: { ...compilerOptions, strict: true, paths: { "@/*": ["./src/*"] } },
        include: ["**/*.ts", "**/*.tsx"],
      }),
      ...nextEnv,
      "src/app/layout.tsx": "export default function Layout() { return null; }\n",
      "src/instrumentation.ts": `export function register(): void {\n  console.log("start");\n}\n`,
    });
    expect(await app.init()).toContain("Files: 4 created, 1 changed.");
    await app.checkTypes();
  });

  test("in JavaScript, without src and alias", async () => {
    await using app = await appWith({ "app/layout.js": "export default () => null;\n" });
    expect(await app.init()).toContain("Files: 5 created.");
    await app.write({
      ...nextEnv,
      "tsconfig.json": JSON.stringify({
        compilerOptions: { ...compilerOptions, checkJs: true, strict: false },
        include: ["**/*.js", "next-env.d.ts"],
        exclude: ["node_modules"],
      }),
    });
    await app.checkTypes();
  });
});

test("the package has the files of examples/minimal, and in JavaScript the same without types", async () => {
  const packed = JSON.parse(await readFile(join(built, "dist/init/templates.json"), "utf8"));
  expect(packed).toEqual(await readMinimalExample());
  await using folder = await tempFolder("init-js");
  for (const [name, text] of Object.entries<string>(packed.js)) {
    const target = join(folder.path, `${name}.js`);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, text);
  }
  await cp(join(repository, ".oxfmtrc.json"), join(folder.path, ".oxfmtrc.json"));
  await runProcess(bin("oxfmt"), ["--check", "."], { cwd: folder.path });
});

test("it needs no package beside sse-bus and its dependencies, and the bundled ones have their licenses", async () => {
  await using folder = await tempFolder("init-alone");
  const installed = join(folder.path, "node_modules/sse-bus");
  for (const name of ["dist", "package.json"]) {
    await cp(join(built, name), join(installed, name), { recursive: true });
  }
  const limiter = "node_modules/rate-limiter-flexible";
  await symlink(join(built, limiter), join(folder.path, limiter));
  const app = join(folder.path, "app");
  await mkdir(join(app, "app"), { recursive: true });
  await writeFile(join(app, "package.json"), JSON.stringify(manifest));
  const args = [join(installed, "dist/hub/cli.js"), "init", "--yes", "--cwd", app];
  expect(await runProcess(process.execPath, args)).toContain("Files: 6 created.");

  // The questions are loaded only where somebody can answer.
  const questions = pathToFileURL(join(installed, "dist/init/ask.js")).href;
  await runProcess(process.execPath, ["-e", `import(${JSON.stringify(questions)})`]);

  const licenses = await readFile(join(built, "dist/init/vendor-licenses.txt"), "utf8");
  for (const name of ["@babel/parser", "@clack/prompts", "diff", "get-tsconfig", "sisteransi"]) {
    expect(licenses).toContain(`\n${name} `);
  }
});

test("the help names the commands, and each command has its own", async () => {
  const help = async (...args: string[]) => runProcess(process.execPath, [cli, ...args]);
  expect(await help("--help")).toMatch(/Usage: npx sse-bus COMMAND[^]* init [^]* hub /);
  expect(await help("init", "--help")).toMatch(/Usage: npx sse-bus init[^]*--dry-run/);
  expect(await help("help", "init")).toBe(await help("init", "--help"));
  expect(await help("hub", "-h")).toMatch(/Usage: sse-bus hub[^]*--port/);
});

test.each([
  [["init"], /There is no package\.json in [^]*\(code 1/],
  [["init", "--no-such-flag"], /See sse-bus init --help\.[^]*\(code 2/],
  [[], /No command given[^]*sse-bus init[^]*\(code 2/],
])("the command line %j ends with an exit code and without a stack", async (args, message) => {
  await using folder = await tempFolder("no-app");
  const run = runProcess(process.execPath, [cli, ...args], { cwd: folder.path });
  const error = await run.then(
    () => undefined,
    (error: Error) => error,
  );
  expect(error?.message).toMatch(message);
  expect(error?.message).not.toMatch(/\n\s+at /);
});

/** A folder with these files, and the packages of the minimal example. */
async function appWith(files: Readonly<Record<string, string>>) {
  const temp = await tempFolder("init-app");
  const write = async (more: Readonly<Record<string, string>>): Promise<void> => {
    for (const [path, text] of Object.entries(more)) {
      await mkdir(dirname(join(temp.path, path)), { recursive: true });
      await writeFile(join(temp.path, path), text);
    }
  };
  await write({ "package.json": JSON.stringify(manifest), ...files });
  await symlink(join(repository, "examples/minimal/node_modules"), join(temp.path, "node_modules"));
  return {
    write,
    init: async () => runProcess(process.execPath, [cli, "init", "--yes"], { cwd: temp.path }),
    checkTypes: async () => runProcess(bin("tsc"), ["-p", "."], { cwd: temp.path }),
    [Symbol.asyncDispose]: async () => temp[Symbol.asyncDispose](),
  };
}
