import { freePort } from "./ports.ts";
import { startProcess } from "./processes.ts";
import { nextCommand } from "./repository.ts";
import { serverNode } from "./runtimes.ts";
import { type Restartable, restartable } from "./restartable.ts";

export interface ServerOptions {
  /** Environment of the server, such as `SSE_BUS_*`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** @default a free one */
  readonly port?: number;
  /** More of Node's own flags, such as `["--expose-gc"]`. */
  readonly nodeArgs?: readonly string[];
  /** The Node.js program. @default see `serverNode` */
  readonly node?: string;
}

/** A Next server: `url` is its origin, without a slash at the end. */
export type NextServer = Restartable;

/** Runs `next start` or `next dev` in an app's folder, without pnpm or a shell between. */
export async function startNext(
  mode: "start" | "dev",
  options: ServerOptions & { readonly folder: string },
): Promise<NextServer> {
  const port = options.port ?? (await freePort());
  const args = [nextCommand(), mode, "-p", String(port), "-H", "127.0.0.1"];
  return startNode(args, { ...options, port });
}

/** Runs a script that serves HTTP on the port and prints Next's ready line. */
export async function startNode(
  args: readonly string[],
  options: ServerOptions & {
    readonly folder: string;
    readonly port: number;
    /** The Node.js program. @default see `serverNode` */
    readonly node?: string;
  },
): Promise<NextServer> {
  const { port, folder, nodeArgs = [], node = serverNode() } = options;
  const env = { NEXT_TELEMETRY_DISABLED: "1", ...options.env };
  return restartable({
    port,
    url: `http://127.0.0.1:${port}`,
    launch: async () =>
      startProcess(node, [...nodeArgs, ...args], {
        cwd: folder,
        env,
        ready: /Ready in/,
        readyTimeoutMs: 60_000,
        // Longer than the 5 s of an idle connection, so that a server that waits for those is detected.
        stopTimeoutMs: 10_000,
      }),
  });
}
