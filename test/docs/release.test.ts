import { spawnSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { repository } from "../support/repository.ts";
import { tempFolder } from "../support/temp-folder.ts";

const SCRIPT = path.join(repository, "scripts/changelog.mjs");
const CHANGELOG = "# Changelog\n\n## Unreleased\n\n- New.\n\n## 0.1.0\n\nFirst version.\n";

function changelog(cwd: string, command: string): { stdout: string; stderr: string } {
  return spawnSync(process.execPath, [SCRIPT, command], { cwd, encoding: "utf8" });
}

async function copyOfRepository(version: string): ReturnType<typeof tempFolder> {
  const folder = await tempFolder("release");
  const core = path.join(folder.path, "packages/sse-bus/src/core");
  await mkdir(core, { recursive: true });
  await writeFile(path.join(folder.path, "CHANGELOG.md"), CHANGELOG);
  await writeFile(
    path.join(folder.path, "packages/sse-bus/package.json"),
    JSON.stringify({ version }),
  );
  await writeFile(path.join(core, "version.ts"), 'export const VERSION = "0.1.0";\n');
  return folder;
}

test("a new version takes the unreleased changes, and its notes are those", async () => {
  await using folder = await copyOfRepository("0.2.0");
  expect(changelog(folder.path, "version").stderr).toBe("");
  expect(await readFile(path.join(folder.path, "CHANGELOG.md"), "utf8")).toBe(
    "# Changelog\n\n## Unreleased\n\n## 0.2.0\n\n- New.\n\n## 0.1.0\n\nFirst version.\n",
  );
  const versionFile = path.join(folder.path, "packages/sse-bus/src/core/version.ts");
  expect(await readFile(versionFile, "utf8")).toBe('export const VERSION = "0.2.0";\n');
  expect(changelog(folder.path, "notes").stdout).toBe("- New.\n");
});

test("a version that is in the changelog already is refused, and nothing changes", async () => {
  await using folder = await copyOfRepository("0.1.0");
  expect(changelog(folder.path, "version").stderr).toContain("has a section 0.1.0 already");
  expect(await readFile(path.join(folder.path, "CHANGELOG.md"), "utf8")).toBe(CHANGELOG);
});

test("the package's own changelog has a section to release", async () => {
  const text = await readFile(path.join(repository, "CHANGELOG.md"), "utf8");
  expect(text).toContain("\n## Unreleased\n");
});
