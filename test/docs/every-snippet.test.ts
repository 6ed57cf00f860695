import { execFile, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { type Snippet, snippetsOf } from "../../apps/docs/lib/markdown.ts";
import { listMarkdown } from "../support/markdown-files.ts";
import { demoFolder, repository } from "../support/repository.ts";
import { tempFolder } from "../support/temp-folder.ts";

interface Found extends Snippet {
  readonly at: string;
}

/** What the compiler reads, with the suffix of a file. */
const COMPILED: Record<string, string> = { ts: "ts", tsx: "tsx", js: "mjs", jsx: "jsx" };
/** Commands: the shell checks their syntax. */
const COMMANDS = new Set(["sh", "bash"]);
/** Output and drawings. */
const TEXT = new Set(["", "text"]);

const snippets: Found[] = (
  await Promise.all(
    (await listMarkdown())
      // Programs write the results of benchmarks.
      .filter((file) => !file.startsWith("bench/results/"))
      .map(async (file) =>
        snippetsOf(await readFile(join(repository, file), "utf8")).map((snippet) => ({
          ...snippet,
          at: `${file}:${snippet.line}`,
        })),
      ),
  )
).flat();

const unmarked = snippets.filter(({ mark }) => !/^(?:from|run by|not checked:) /.test(mark));
const compiled = unmarked.filter(({ language }) => language in COMPILED);

/**
 * Errors that a block alone causes: a `return` outside of the function that it is from, and types and type
 * arguments of modules that are not there.
 */
const EXPECTED = new Set(["TS1108", "TS2347", "TS2709"]);

test("every code block compiles", { timeout: 100_000 }, async () => {
  // An augmentation of the package's types applies to all files that are compiled with it.
  const [augmenting, others] = [true, false].map((wanted) =>
    compiled.filter(({ code }) => code.includes("declare module") === wanted),
  );
  const groups = [others ?? [], ...(augmenting ?? []).map((one) => [one])];
  const errors = await Promise.all(groups.map(compile));
  expect(errors.flat()).toEqual([]);
  expect(compiled.length).toBeGreaterThan(40);
});

/** What the compiler finds in the blocks, each a module of its own. */
async function compile(blocks: readonly Found[]): Promise<string[]> {
  // Inside the demo, which has the packages that readers have.
  await using folder = await tempFolder("snippets", demoFolder);
  const files = new Map<string, Found>();
  for (const [index, block] of blocks.entries()) {
    const name = `snippet-${index}.${COMPILED[block.language]}`;
    files.set(name, block);
    await writeFile(join(folder.path, name), `${block.code}\nexport {};\n`);
  }
  const surroundings = await readFile(join(repository, "test/docs/snippet-globals.d.ts"), "utf8");
  await writeFile(join(folder.path, "snippet-globals.d.ts"), surroundings);
  await writeFile(join(folder.path, "tsconfig.json"), JSON.stringify(TSCONFIG));
  const tsc = join(repository, "node_modules/typescript/bin/tsc");
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [tsc, "-p", folder.path, "--pretty", "false"],
    { cwd: folder.path },
  ).catch((error: { stdout: string }) => error);
  return stdout.split("\n").flatMap((line) => {
    const [, file = "", row, code = "", message] =
      /^(\S+?)\((\d+),\d+\): error (TS\d+): (.*)$/.exec(line) ?? [];
    if (EXPECTED.has(code)) return [];
    const block = files.get(file);
    if (block !== undefined) return [`${block.at} + ${row}: ${code} ${message}`];
    return line.includes("error") ? [line] : [];
  });
}

const TSCONFIG = {
  compilerOptions: {
    target: "ES2023",
    lib: ["ES2024", "DOM", "DOM.Iterable", "DOM.AsyncIterable", "ESNext.Disposable"],
    module: "ESNext",
    moduleResolution: "bundler",
    strict: true,
    // Values of the reader's application are `any`.
    noImplicitAny: false,
    noEmit: true,
    allowJs: true,
    checkJs: true,
    skipLibCheck: true,
    jsx: "react-jsx",
    types: ["node"],
  },
  include: ["*"],
};

test("code blocks import only entry points that the package has", async () => {
  const manifest = await readFile(join(repository, "packages/sse-bus/package.json"), "utf8");
  const { exports } = JSON.parse(manifest) as { exports: Record<string, unknown> };
  const names = new Set(Object.keys(exports).map((subpath) => join("sse-bus", subpath)));
  const wrong = snippets.flatMap(({ at, code }) =>
    [...code.matchAll(/(?:from|import)\s*\(?["'](sse-bus(?:\/[\w-]+)?)["']/g)].flatMap(
      ([, name = ""]) => (names.has(name) ? [] : [`${at}: ${name}`]),
    ),
  );
  expect(wrong).toEqual([]);
});

test("no page waits for a request outside of <Suspense>, which fails `next build` of a new app", () => {
  const page = /export default async function \w+\([\s\S]*?\n\}/;
  const pages = snippets.filter(({ code }) => code.includes("await connection()"));
  const wrong = pages.filter(({ code }) => page.exec(code)?.[0].includes("await connection()"));
  expect(wrong.map(({ at }) => at)).toEqual([]);
  expect(pages.length).toBeGreaterThan(5);
});

test("commands and JSON have correct syntax", async () => {
  const wrong: string[] = [];
  for (const { at, language, code } of unmarked) {
    if (COMMANDS.has(language)) {
      const run = spawnSync("bash", ["-n"], { input: code, encoding: "utf8" });
      if (run.status !== 0) wrong.push(`${at}: ${run.stderr}`);
    } else if (language === "json") {
      try {
        JSON.parse(code);
      } catch (error) {
        wrong.push(`${at}: ${String(error)}`);
      }
    }
  }
  expect(wrong).toEqual([]);
});

test("every code block is compiled, parsed, equal to a tested file, run by a test, or marked as not checked", async () => {
  const unknown: string[] = [];
  const counts = new Map<string, number>();
  const count = (kind: string) => counts.set(kind, (counts.get(kind) ?? 0) + 1);
  for (const { at, language, mark } of snippets) {
    const [, kind = "", rest = ""] = /^(from|run by|not checked:) (.+)$/s.exec(mark) ?? [];
    if (kind === "not checked:") {
      count(`not checked (${at}: ${rest})`);
    } else if (kind !== "") {
      count(kind === "from" ? "equal to a tested file" : "run by a test");
      if (!existsSync(join(repository, rest))) unknown.push(`${at}: no file ${rest}`);
    } else if (language in COMPILED) {
      count("compiled");
    } else if (COMMANDS.has(language) || language === "json") {
      count("parsed");
    } else if (TEXT.has(language)) {
      count("text");
    } else {
      unknown.push(`${at}: mark this ${language} block; see CONTRIBUTING.md`);
    }
  }
  console.log([...counts].map(([kind, n]) => `${n} ${kind}`).join("\n"));
  expect(unknown).toEqual([]);
});

test("a test that a mark names reads the page of the mark", async () => {
  for (const { at, mark } of snippets) {
    const test = /^run by (\S+)$/.exec(mark)?.[1];
    if (test === undefined) continue;
    const [page = ""] = at.split(":");
    expect(await readFile(join(repository, test), "utf8"), at).toContain(page);
  }
});
