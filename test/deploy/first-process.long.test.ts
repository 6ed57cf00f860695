import { cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openStream } from "../support/event-stream.ts";
import { accepts, freePort } from "../support/ports.ts";
import { repository } from "../support/repository.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { startFirstProcess } from "./container.ts";

test("a server on node:http with drainOnSignal ends as the first process of a container", async () => {
  await using folder = await tempFolder("first-process");
  await cp(
    join(repository, "test/frameworks/servers/node-http.mjs"),
    join(folder.path, "server.mjs"),
  );
  await mkdir(join(folder.path, "node_modules"));
  const own = join(repository, "packages/sse-bus");
  await symlink(own, join(folder.path, "node_modules/sse-bus"));
  await writeFile(join(folder.path, "package.json"), "{}");
  const port = await freePort();
  await using server = await startFirstProcess([process.execPath, "server.mjs"], {
    cwd: folder.path,
    env: { PORT: String(port) },
    ready: () => accepts(port),
  });
  await using stream = await openStream(`http://127.0.0.1:${port}/api/sse`);
  await stream.next("hello");
  const code = await server.stop();
  expect((await stream.next("bye")).json()).toMatchObject({ reason: "drain" });
  expect(await stream.closed).toBe("end");
  // As a shell reports an end by SIGTERM; one by SIGKILL has no code.
  expect(code).toBe(128 + 15);
});
