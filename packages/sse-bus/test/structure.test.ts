import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const src = fileURLToPath(new URL("../src", import.meta.url));
const MAX_LINES = 300;

/** Generated files. */
const GENERATED = new Set<string>([]);

test("no source file is longer than 300 lines", async () => {
  const long = (await sources())
    .map(({ name, text }) => ({ name, lines: text.trimEnd().split("\n").length }))
    .filter(({ lines }) => lines > MAX_LINES);
  expect(long).toEqual([]);
});

test("each exported type name is unique in the package", async () => {
  const files = new Map<string, string[]>();
  for (const { name, text } of await sources()) {
    for (const [, type = ""] of text.matchAll(/^export (?:interface|type|class) (\w+)/gm)) {
      files.set(type, [...(files.get(type) ?? []), name]);
    }
  }
  expect([...files].filter(([, names]) => new Set(names).size > 1)).toEqual([]);
});

async function sources(): Promise<{ name: string; text: string }[]> {
  const files = await readdir(src, { recursive: true });
  const names = files.filter((file) => /\.tsx?$/.test(file) && !/\.test\.tsx?$/.test(file));
  return Promise.all(
    names
      .filter((name) => !GENERATED.has(name))
      .map(async (name) => ({ name, text: await readFile(join(src, name), "utf8") })),
  );
}
