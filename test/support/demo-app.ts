import { existsSync } from "node:fs";
import { join } from "node:path";

import { copyDemo, type DemoCopy } from "./demo-copy.ts";
import { type NextServer, type ServerOptions, startNext } from "./next-server.ts";
import { demoFolder } from "./repository.ts";

/**
 * Starts the demo as in production, from the build that `pnpm test` makes before the tests.
 *
 * @throws Error when there is no build.
 *
 * @example
 * await using app = await startDemo({ env: { SSE_BUS_OPEN_PUBLISH: "1" } });
 * await using stream = await openStream(`${app.url}/api/sse`);
 */
export async function startDemo(options: ServerOptions = {}): Promise<NextServer> {
  if (!existsSync(join(demoFolder, ".next/BUILD_ID"))) {
    throw new Error("The demo is not built. Run `npx -y pnpm build` first");
  }
  return startNext("start", { ...options, folder: demoFolder });
}

export interface DevServer extends NextServer {
  /** The copy of the app that it serves; editing files there reloads them. */
  readonly folder: string;
}

/** Starts the demo in development, from a copy: `next dev` writes into its app's folder. */
export async function startDev(options: ServerOptions = {}): Promise<DevServer> {
  const copy = await copyDemo();
  const server = await startNext("dev", { ...options, folder: copy.folder }).catch(
    async (error: unknown) => {
      await copy[Symbol.asyncDispose]();
      throw error;
    },
  );
  return disposeBoth(server, copy);
}

function disposeBoth(server: NextServer, copy: DemoCopy): DevServer {
  const { folder } = copy;
  const end = server[Symbol.asyncDispose].bind(server);
  return Object.assign(server, {
    folder,
    async [Symbol.asyncDispose]() {
      await end();
      await copy[Symbol.asyncDispose]();
    },
  });
}
