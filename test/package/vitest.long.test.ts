import { cp, readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

import { packedApp } from "../support/packed-app.ts";
import { repository } from "../support/repository.ts";
import { nodeProgram } from "../support/runtimes.ts";
import { addTo } from "../support/test-tables.ts";

/** The tests of docs/testing.md. */
const examples = join(repository, "packages/sse-bus/test/users");

test.each([
  ["4", 20],
  ["5", 24],
] as const)(
  "the tests of docs/testing.md pass in an app with Vitest %s on Node.js %s",
  async (version, node) => {
    await using app = await packedApp();
    const own = ["component.test.tsx", "fake-stream.test.ts", "read-events.test.ts"];
    const files = (await readdir(examples)).filter((name) => own.includes(name));
    expect(files).toHaveLength(own.length);
    for (const name of files) await cp(join(examples, name), join(app.folder, name));
    await app.install(`vitest@${version}`, "happy-dom", `@types/node@${node}`);
    const output = await app.run("vitest/vitest.mjs", ["run"], { node: nodeProgram(node) });
    expect(output).toMatch(/Test Files +3 passed/);
    await addTo("test runners", {
      runner: `Vitest ${version}`,
      "Node.js": String(node),
      passed: "yes",
    });
  },
  480_000,
);
