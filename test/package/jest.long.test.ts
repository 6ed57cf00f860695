import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

import { packedApp } from "../support/packed-app.ts";
import { repository } from "../support/repository.ts";
import { addTo } from "../support/test-tables.ts";

// Next.js brings the configuration of Jest, and the compiler that it uses.
test.each(["16.4.6", "15.5.29", "15.1.0"])(
  "the components of an app with Next.js %s are tested with Jest as docs/testing.md says",
  async (next) => {
    await using app = await packedApp();
    await cp(join(repository, "test/package/jest"), app.folder, { recursive: true });
    const page = await readFile(join(repository, "docs/testing.md"), "utf8");
    const packages = /npm install --save-dev (jest .*)/.exec(page)?.[1]?.split(" ") ?? [];
    await app.install(`next@${next}`, ...packages);
    expect(await app.run("jest/bin/jest.js")).toMatch(/Tests: +1 passed, 1 total/);
    await addTo("test runners", {
      runner: `Jest, next/jest ${next}`,
      "Node.js": "20",
      passed: "yes",
    });
  },
  480_000,
);
