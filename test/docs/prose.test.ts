import { execFileSync, spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { repository } from "../support/repository.ts";
import { tempFolder } from "../support/temp-folder.ts";

const CHECK = path.join(repository, "scripts/check-prose.mjs");

/** Each file with what the check finds in it. */
const FILES: readonly (readonly [name: string, text: string, ...found: string[]])[] = [
  ["docs/page.md", "One.\n\nWhoever\nreads.\n", "3: “Whoever”"],
  ["line-comment.ts", "const a = 1; // it is told\n", "1: “told”"],
  ["line-comments.ts", "// a queue for so\n// many readers\n", "1: “so many”"],
  ["docstring.ts", "/**\n * A client that comes\n * back.\n */\n", "2: “comes back”"],
  ["error.ts", "throw new Error(`The ${server} is away.`);\n", "1: “is away”"],
  ["name.test.ts", 'test("it lets go", () => {});\n', "1: “lets go”"],
  ["page.tsx", "const a = (\n  <p>\n    It is gone.\n  </p>\n);\n", "3: “is gone”"],
  ["schema.sql", "-- Waits for\n-- ever.\nSELECT 1;\n", "1: “for ever”"],
  ["workflow.yaml", "# Whoever runs it.\na: 1\n", "1: “Whoever”"],
  ["names.ts", "const told = { anew: meanwhile };\n"],
  ["data.ts", 'publish("meanwhile", { channel: "anew" });\n'],
  ["regular-expression.ts", "const quote = text.replace(/'/g, told).split(`'`);\n"],
  ["division.ts", "const rest = 4 / told / 2;\n"],
  ["CHANGELOG.md", "It is told.\n"],
];

test("forms are found in prose, with their lines, and not in names and data", async () => {
  await using folder = await tempFolder("prose");
  for (const [name, text] of FILES) {
    const file = path.join(folder.path, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  execFileSync("git", ["init", "--quiet"], { cwd: folder.path });
  const { stderr } = spawnSync(process.execPath, [CHECK], { cwd: folder.path, encoding: "utf8" });
  const found = stderr.split("\n").flatMap((line) => /^\S+:\d+: “.*?”/.exec(line) ?? []);
  const expected = FILES.flatMap(([name, , ...all]) => all.map((each) => `${name}:${each}`));
  expect(found.toSorted()).toEqual(expected.toSorted());
});
