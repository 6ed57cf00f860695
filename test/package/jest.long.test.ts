import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

import { packedApp } from "../support/packed-app.ts";
import { repository } from "../support/repository.ts";

test("the components of an app are tested with Jest as docs/testing.md says", async () => {
  await using app = await packedApp();
  await cp(join(repository, "test/package/jest"), app.folder, { recursive: true });
  const page = await readFile(join(repository, "docs/testing.md"), "utf8");
  const packages = /npm install --save-dev (jest .*)/.exec(page)?.[1]?.split(" ") ?? [];
  await app.install(...packages);
  expect(await app.run("jest/bin/jest.js")).toMatch(/Tests: +1 passed, 1 total/);
}, 480_000);
