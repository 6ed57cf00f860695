import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runProcess } from "../support/processes.ts";
import { repository } from "../support/repository.ts";

test("docs/hub.md lists the flags as the command's help does", async () => {
  const cli = join(repository, "packages/sse-bus/dist/hub/cli.js");
  const help = await runProcess(process.execPath, [cli, "hub", "--help"]);
  const page = await readFile(join(repository, "docs/hub.md"), "utf8");
  const shown = /<!-- sse-bus hub --help -->\n\n```text\n([\s\S]*?)```/.exec(page)?.[1];
  expect(shown?.trim()).toBe(help.trim());
});
