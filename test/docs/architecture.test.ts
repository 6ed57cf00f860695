import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { expect, test } from "vitest";
import { repository } from "../support/repository.ts";

const page = await readFile(join(repository, "ARCHITECTURE.md"), "utf8");
const source = join(repository, "packages/sse-bus/src");

/** Folders whose subfolders are listed instead. */
const groups = ["apps", "examples", "packages"];
const ignored = /^(node_modules|dist|coverage|\.(?!ci$|github$).*)$/;

test("the tree of ARCHITECTURE.md has every folder of the repository", async () => {
  const top = await foldersOf(repository);
  const nested = await Promise.all(
    groups.map(async (group) =>
      (await foldersOf(join(repository, group))).map((name) => `${group}/${name}`),
    ),
  );
  const folders = [...top.filter((name) => !groups.includes(name)), ...nested.flat()];
  expect(listed("folders of the repository")).toEqual(folders.map(withSlash).toSorted());
});

test("the tree of ARCHITECTURE.md has every folder of the package's source", async () => {
  const entries = await readdir(source, { recursive: true, withFileTypes: true });
  const folders = entries
    .filter((entry) => entry.isDirectory())
    .map(({ parentPath, name }) => relative(source, join(parentPath, name)));
  expect(listed("folders of packages/sse-bus/src").toSorted()).toEqual(
    folders.map(withSlash).toSorted(),
  );
});

test("the table of ARCHITECTURE.md has every file of the core", async () => {
  const files = await readdir(join(source, "core"));
  const sources = files.filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
  expect(rows("files of packages/sse-bus/src/core").toSorted()).toEqual(sources.toSorted());
});

test("test/README.md has every folder of test/, and every file of test/support", async () => {
  const readme = await readFile(join(repository, "test/README.md"), "utf8");
  const support = await readdir(join(repository, "test/support"));
  const files = support.filter((name) => /\.(ts|mjs)$/.test(name) && !name.endsWith(".test.ts"));
  const folders = await foldersOf(join(repository, "test"));
  const names = [...files, ...folders.map(withSlash)];
  expect(names.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
});

test("every file that ARCHITECTURE.md names exists", async () => {
  const files = await readdir(source, { recursive: true });
  const named = [...page.matchAll(/\b((?:core|http|node|next|hub|client)\/[\w/-]+\.(?:ts|md))\b/g)];
  expect(named.length).toBeGreaterThan(10);
  expect(named.map(([, file]) => file).filter((file) => !files.includes(file as string))).toEqual(
    [],
  );
});

/** The first words of the code block after the marker. */
function listed(marker: string): string[] {
  const block = page.split(`<!-- ${marker} -->\n\n\`\`\`\n`)[1]?.split("```")[0] ?? "";
  return block.split("\n").flatMap((line) => line.split(" ")[0] || []);
}

/** The first cells of the table after the marker. */
function rows(marker: string): string[] {
  const table = page.split(`<!-- ${marker} -->\n\n`)[1]?.split("\n\n")[0] ?? "";
  return [...table.matchAll(/^\| `([^`]+)`/gm)].map(([, file]) => file as string);
}

async function foldersOf(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && !ignored.test(entry.name))
    .map(({ name }) => name);
}

const withSlash = (folder: string): string => `${folder}/`;
