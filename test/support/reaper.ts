import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";

/**
 * A small process that outlives this one for a moment and cleans up after it.
 *
 * Handlers for `exit` and signals do not run when a process is killed with SIGKILL, crashes, or is
 * stuck; a pipe that closes is noticed in every case.
 */
export const reaper = {
  /** Adds a process group (its leader's pid) to the list of what must end with this process. */
  watchGroup: (pid: number): void => order(`group ${pid}`),
  /** Removes a process group from the list. */
  groupEnded: (pid: number): void => order(`ended ${pid}`),
  /** Adds a folder to the list of what is removed at the end. */
  watchFolder: (path: string): void => order(`folder ${path}`),
  /** Removes a folder from the list. */
  folderRemoved: (path: string): void => order(`removed ${path}`),
};

let child: ChildProcess | undefined;

function order(line: string): void {
  child ??= start();
  child.stdin?.write(`${line}\n`);
}

function start(): ChildProcess {
  const started = spawn(
    process.execPath,
    [fileURLToPath(new URL("./reaper.mjs", import.meta.url))],
    {
      cwd: "/",
      detached: true,
      env: {},
      stdio: ["pipe", "ignore", "ignore"],
    },
  );
  started.unref();
  (started.stdin as Socket).unref();
  // An orphaned worker of the test runner (the runner was killed with SIGKILL) would continue
  // with its test and hold its servers; its channel to the runner closes, so it ends, then they do.
  if (process.connected) process.once("disconnect", () => process.exit(1));
  return started;
}
