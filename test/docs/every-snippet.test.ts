import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
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

test("every code block compiles", { timeout: 60_000 }, async () => {
  // Inside the demo, which has the packages that readers have.
  await using folder = await tempFolder("snippets", demoFolder);
  const files = new Map<string, Found>();
  for (const [index, snippet] of compiled.entries()) {
    const name = `snippet-${index}.${COMPILED[snippet.language]}`;
    files.set(name, snippet);
    await writeFile(join(folder.path, name), `${snippet.code}\nexport {};\n`);
  }
  const surroundings = await readFile(join(repository, "test/docs/snippet-globals.d.ts"), "utf8");
  await writeFile(join(folder.path, "snippet-globals.d.ts"), surroundings);
  await writeFile(join(folder.path, "tsconfig.json"), JSON.stringify(TSCONFIG));
  const tsc = join(repository, "node_modules/typescript/bin/tsc");
  const { stdout } = spawnSync(process.execPath, [tsc, "-p", folder.path, "--pretty", "false"], {
    cwd: folder.path,
    encoding: "utf8",
  });
  const errors = stdout.split("\n").flatMap((line) => {
    const match = /^(\S+?)\((\d+),\d+\): error (.*)$/.exec(line);
    if (match === null) return /error/.test(line) ? [line] : [];
    const [, file = "", row, message] = match;
    const found = files.get(file);
    return [found === undefined ? line : `${found.at} + ${row}: ${message}`];
  });
  expect(errors).toEqual([]);
  expect(compiled.length).toBeGreaterThan(40);
});

const TSCONFIG = {
  compilerOptions: {
    target: "ES2023",
    lib: ["ES2024", "DOM", "DOM.Iterable", "DOM.AsyncIterable", "ESNext.Disposable"],
    module: "ESNext",
    moduleResolution: "bundler",
    strict: true,
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
