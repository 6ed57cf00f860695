import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const repository = fileURLToPath(new URL("../../../", import.meta.url));

test("the page on npm is made from README.md", () => {
  const args = ["scripts/package-readme.mjs", "--check"];
  const { status, stderr } = spawnSync(process.execPath, args, {
    cwd: repository,
    encoding: "utf8",
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
});

test("every link and image on npm is an absolute address", () => {
  const page = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const links = [...page.matchAll(/\]\(([^)\s]+)\)|src="([^"]+)"/g)].map(([, a, b]) => a ?? b);
  expect(links.length).toBeGreaterThan(20);
  expect(links.filter((link) => !link?.startsWith("https://"))).toEqual([]);
});
