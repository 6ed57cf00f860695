import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { errorPage, REPOSITORY } from "../../packages/sse-bus/src/core/error-page.ts";
import { repository } from "../support/repository.ts";

const read = (file: string): Promise<string> => readFile(join(repository, file), "utf8");
const manifest = JSON.parse(await read("packages/sse-bus/package.json"));

test("npm shows the repository whose pages errors name", () => {
  expect(manifest).toMatchObject({
    homepage: `${REPOSITORY}#readme`,
    bugs: `${REPOSITORY}/issues`,
    repository: { url: `git+${REPOSITORY}.git`, directory: "packages/sse-bus" },
  });
  expect(manifest.keywords.length).toBeGreaterThan(10);
  expect(errorPage("GAP")).toBe(`${REPOSITORY}/blob/main/docs/errors/GAP.md`);
});

test("the repository's owner is named in two files, so that a move changes two lines", () => {
  const { host, pathname } = new URL(REPOSITORY);
  // The page on npm is written from README.md by a script, which takes the address from package.json.
  const searched = ["--", ".", ":!packages/sse-bus/README.md"];
  const args = ["grep", "--untracked", "--files-with-matches", "--fixed-strings", host + pathname];
  const files = execFileSync("git", [...args, ...searched], { cwd: repository, encoding: "utf8" });
  expect(files.trim().split("\n").toSorted()).toEqual([
    "packages/sse-bus/package.json",
    "packages/sse-bus/src/core/error-page.ts",
  ]);
});

test(".nvmrc names a Node.js that the package supports and CI tests", async () => {
  const version = Number(await read(".nvmrc"));
  expect(manifest.engines.node).toBe(">=20.9");
  expect(version).toBeGreaterThanOrEqual(20);
  const [, tested = ""] = /node: \[(.*)\]/.exec(await read(".github/workflows/ci.yml")) ?? [];
  expect(tested.split(", ").map(Number)).toContain(version);
});
