import { createRequire } from "node:module";
import { join } from "node:path";
import { freePort } from "./ports.ts";
import { runProcess, startProcess } from "./processes.ts";
import { repository } from "./repository.ts";

const folder = join(repository, "apps/docs");

export interface DocsSite extends AsyncDisposable {
  readonly url: string;
  /** The folder with the exported files. */
  readonly out: string;
}

/** Builds the documentation site, a minute of work, and serves it as `pnpm docs` does. */
export async function startDocsSite(): Promise<DocsSite> {
  if (process.env["SSE_BUS_TEST_BUILT_SITE"] === undefined) {
    const next = createRequire(join(folder, "package.json")).resolve("next/dist/bin/next");
    await runProcess(process.execPath, ["scripts/api-reference.mjs"], { cwd: folder });
    await runProcess(process.execPath, [next, "build"], { cwd: folder, timeoutMs: 400_000 });
  }
  const port = await freePort();
  const server = await startProcess(process.execPath, ["scripts/serve.mjs"], {
    cwd: folder,
    env: { PORT: String(port) },
    ready: port,
  });
  return {
    url: `http://127.0.0.1:${port}`,
    out: join(folder, "out"),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
