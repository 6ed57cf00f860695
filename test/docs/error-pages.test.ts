import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repository } from "../support/repository.ts";

/** The files that declare codes, as unions of string literals. */
const SOURCES = ["core/errors.ts", "http/problem.ts", "client/client-error.ts"];

test("every error code has a page, and every page belongs to a code", async () => {
  const codes = new Set<string>();
  for (const source of SOURCES) {
    const text = await readFile(join(repository, "packages/sse-bus/src", source), "utf8");
    for (const [, code = ""] of text.matchAll(/^ {2}\| "([A-Z_]+)"/gm)) codes.add(code);
  }
  const files = await readdir(join(repository, "docs/errors"));
  expect(files.map((file) => file.replace(".md", "")).toSorted()).toEqual([...codes].toSorted());
});

test("every page has a cause and a fix", async () => {
  const folder = join(repository, "docs/errors");
  for (const file of await readdir(folder)) {
    const page = await readFile(join(folder, file), "utf8");
    expect(page).toContain(`# ${file.replace(".md", "")}\n`);
    expect(page, file).toContain("\n## Fix\n");
  }
});
