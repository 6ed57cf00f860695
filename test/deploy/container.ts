import { readFile } from "node:fs/promises";
import { runProcess, type RunningProcess, startProcess } from "../support/processes.ts";
import { waitFor } from "../support/wait-for.ts";
import type { Image } from "./build-image.ts";

/** A process that is the first one of a process namespace, as the command of a container is. */
export interface FirstProcess extends AsyncDisposable {
  readonly output: () => string;
  /** Its user outside of the namespace. */
  readonly uid: number;
  /** Sends SIGTERM, and resolves with the exit code; `null` after a SIGKILL. */
  stop(): Promise<number | null>;
}

interface FirstProcessOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly ready: () => Promise<boolean>;
}

/** How long Docker waits by default. */
const GRACE_MS = 10_000;

/**
 * Starts a command as process 1 of its own process namespace. Linux ignores a signal to it that it does not handle,
 * which is why some servers do not stop in containers. Needs Linux; without root, user namespaces.
 */
export async function startFirstProcess(
  command: readonly string[],
  { cwd, env, user, ready }: FirstProcessOptions,
): Promise<FirstProcess> {
  const isRoot = process.getuid?.() === 0;
  const asUser = user && isRoot ? ["--setgid", String(user.gid), "--setuid", String(user.uid)] : [];
  const asRoot = isRoot ? [] : ["--user", "--map-root-user"];
  // --kill-child: nothing is left if the test ends in between.
  const args = [...asRoot, "--pid", "--fork", "--kill-child", ...asUser, ...command];
  const unshare = await startProcess("unshare", args, {
    cwd,
    env,
    ready,
    readyTimeoutMs: 60_000,
  });
  const pid = await childOf(unshare);
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return {
    output: unshare.output,
    uid: Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]),
    async stop() {
      process.kill(pid, "SIGTERM");
      const timer = setTimeout(() => process.kill(pid, "SIGKILL"), GRACE_MS);
      const { code } = await unshare.exited;
      clearTimeout(timer);
      return code;
    },
    [Symbol.asyncDispose]: async () => {
      await unshare.kill();
    },
  };
}

async function childOf({ pid }: RunningProcess): Promise<number> {
  const children = await waitFor("the first process", async () =>
    readFile(`/proc/${pid}/task/${pid}/children`, "utf8"),
  );
  return Number(children.trim());
}

/** Starts the command of an image as its user, and waits until its health check succeeds. */
export async function startContainer(
  image: Image,
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Promise<FirstProcess> {
  const all = { ...image.env, ...env };
  return startFirstProcess([...image.command, ...args], {
    cwd: image.folder,
    env: all,
    user: image.user,
    ready: () => isHealthy(image, all),
  });
}

/** Runs the health check of an image. */
export async function isHealthy(
  { healthcheck: [program = "", ...args], folder }: Image,
  env: Readonly<Record<string, string>>,
): Promise<boolean> {
  return runProcess(program, args, { cwd: folder, env }).then(
    () => true,
    () => false,
  );
}
