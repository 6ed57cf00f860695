import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { accepts, freePort } from "../support/ports.ts";
import { startProcess } from "../support/processes.ts";
import { repository } from "../support/repository.ts";
import { tempFolder } from "../support/temp-folder.ts";

test.each(["on", "once"])(
  "drainOnSignal leaves the end to a shutdown that the app has added with process.%s",
  async (method) => {
    await using folder = await tempFolder("own-shutdown");
    await mkdir(join(folder.path, "node_modules"));
    const own = join(repository, "packages/sse-bus");
    await symlink(own, join(folder.path, "node_modules/sse-bus"));
    await writeFile(
      join(folder.path, "server.mjs"),
      `import { createServer } from "node:http";
import { createBus } from "sse-bus";
import { drainOnSignal } from "sse-bus/node";

process.${method}("SIGTERM", () => {
  // Such as the last writes to a database.
  setTimeout(() => process.exit(7), 500);
});
drainOnSignal(createBus());
createServer().listen(process.env.PORT, "127.0.0.1");
`,
    );
    const port = await freePort();
    await using server = await startProcess(process.execPath, ["server.mjs"], {
      cwd: folder.path,
      env: { PORT: String(port) },
      ready: async () => accepts(port),
    });
    process.kill(server.pid, "SIGTERM");
    expect((await server.exited).code).toBe(7);
  },
);
