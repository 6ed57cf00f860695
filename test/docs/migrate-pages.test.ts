import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repository } from "../support/repository.ts";

const folder = join(repository, "docs/migrate");
const files = await readdir(folder);

test.each(files)(
  "%s has concepts, code before and after, and what has no counterpart",
  async (file) => {
    const page = await readFile(join(folder, file), "utf8");
    const headings = page.match(/^## .*/gm) ?? [];
    expect(headings[0]).toMatch(/^## (Concepts|What changes)$/);
    expect(headings.at(-1)).toBe("## What has no counterpart");
    const before = page.match(/^\*\*Before\*\*/gm) ?? [];
    expect(before.length).toBeGreaterThanOrEqual(3);
    expect(page.match(/^\*\*After\*\*/gm)).toHaveLength(before.length);
  },
);

test("the comparison leads to every migration page", async () => {
  const page = await readFile(join(repository, "docs/comparison.md"), "utf8");
  expect(files.filter((file) => !page.includes(`(migrate/${file})`))).toEqual([]);
});
