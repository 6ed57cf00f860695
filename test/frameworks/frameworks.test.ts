import { cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { openStream } from "../support/event-stream.ts";
import { freePort } from "../support/ports.ts";
import { type RunningProcess, startProcess } from "../support/processes.ts";
import { repository } from "../support/repository.ts";
import { bunProgram, denoProgram, serverNode } from "../support/runtimes.ts";
import { tempFolder } from "../support/temp-folder.ts";

/** The servers of docs/other-frameworks.md, and the packages that each needs beside sse-bus. */
const SERVERS: readonly (readonly [string, string, readonly string[], readonly string[]])[] = [
  ["node-http.mjs", serverNode(), [], []],
  ["express.mjs", serverNode(), [], ["express"]],
  ["fastify.mjs", serverNode(), [], ["fastify"]],
  ["hono.mjs", serverNode(), [], ["hono", "@hono/node-server"]],
  ["bun.mjs", bunProgram(), [], []],
  ["deno.mjs", denoProgram(), ["run", "-A", "--node-modules-dir=manual"], []],
];

interface RunningServer extends AsyncDisposable {
  readonly url: string;
  readonly process: RunningProcess;
}

/** Runs one in a folder with its packages, as in an app of its own. */
async function startServer([
  file,
  program,
  args,
  packages,
]: (typeof SERVERS)[number]): Promise<RunningServer> {
  const folder = await tempFolder("framework");
  const modules = join(folder.path, "node_modules");
  await cp(join(import.meta.dirname, "servers", file), join(folder.path, file));
  await writeFile(join(folder.path, "package.json"), '{ "type": "module" }');
  await mkdir(modules);
  await symlink(join(repository, "packages/sse-bus"), join(modules, "sse-bus"));
  for (const name of packages) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(repository, "test/runtimes/node_modules", name), join(modules, name));
  }
  const port = await freePort();
  const running = await startProcess(program, [...args, file], {
    cwd: folder.path,
    env: { PORT: String(port), SSE_BUS_OPEN_PUBLISH: "1" },
    ready: port,
  });
  return {
    url: `http://127.0.0.1:${port}`,
    process: running,
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

describe.each(SERVERS)("%s", (...server) => {
  test("streams what is published over HTTP, refuses what it must, and drains on SIGTERM", async () => {
    await using running = await startServer(server);
    const { url } = running;
    await using stream = await openStream(`${url}/api/sse?channel=orders/42`);
    expect((await stream.next("hello")).json()).toMatchObject({ channels: ["orders/42"] });

    const post = async (body: string): Promise<Response> =>
      fetch(`${url}/api/publish`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body,
      });
    const posted = await post('{"channel":"orders/42","data":{"state":"paid"}}');
    expect(posted.status).toBe(200);
    const { id } = (await posted.json()) as { id: string };
    const message = await stream.next("message");
    expect([message.id, message.json()]).toEqual([id, { state: "paid" }]);

    const triggered = await fetch(`${url}/api/publish?msg=Hello&channel=orders/42`);
    expect(await triggered.json()).toMatchObject({ data: { msg: "Hello", ip: "127.0.0.1" } });
    expect((await stream.next("message")).json()).toMatchObject({ msg: "Hello" });

    expect((await post('{"chanel":"orders/42"}')).status).toBe(400);
    expect((await fetch(`${url}/api/sse`, { method: "POST" })).status).toBe(405);

    running.process.signal("SIGTERM");
    expect((await stream.next("bye")).json()).toMatchObject({ reason: "drain" });
    await running.process.exited;
  });
});
