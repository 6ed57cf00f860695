import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

import { cleanEnv } from "./clean-env.ts";
import { accepts } from "./ports.ts";
import { reaper } from "./reaper.ts";
import { waitFor } from "./wait-for.ts";

export interface ProcessOptions {
  readonly cwd?: string;
  /** Added to this process's environment without the test runner's variables. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Runs as this user; needs root. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Ready when its output matches, when the port on 127.0.0.1 accepts, or when the check is true. */
  readonly ready: RegExp | number | (() => Promise<boolean>);
  /** @default 20_000 */
  readonly readyTimeoutMs?: number;
  /** What `stop` sends. @default "SIGTERM" */
  readonly stopSignal?: NodeJS.Signals;
  /** How long `stop` waits before it kills the group. @default 5_000 */
  readonly stopTimeoutMs?: number;
}

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunningProcess extends AsyncDisposable {
  readonly pid: number;
  /** Resolves when it and its children have ended. */
  readonly exited: Promise<ProcessExit>;
  /** Standard output and standard error so far, the last 256 KiB of them. */
  output(): string;
  /** Sends a signal to this process, not to its children. */
  signal(signal: NodeJS.Signals): void;
  /** Sends a signal to this process and all its children. */
  signalGroup(signal: NodeJS.Signals): void;
  /** Sends the stop signal, and kills it and its children after the timeout. Idempotent. */
  stop(): Promise<ProcessExit>;
  /** Kills it and its children with SIGKILL, as a power cut would. Idempotent. */
  kill(): Promise<ProcessExit>;
}

/**
 * Starts a program in its own process group and resolves when it is ready. It ends on dispose,
 * and at the latest with this process, however that ends.
 *
 * @throws Error with the program's last output if it exits or stays silent before it is ready.
 *
 * @example
 * await using server = await startProcess("redis-server", ["--port", "7001"], { ready: 7001 });
 */
export async function startProcess(
  command: string,
  args: readonly string[],
  options: ProcessOptions,
): Promise<RunningProcess> {
  const child = spawn(command, args, {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...cleanEnv(), ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...options.user,
  });
  if (child.pid === undefined) {
    const [error] = await once(child, "error");
    throw new Error(`Cannot start ${command}`, { cause: error });
  }
  reaper.watchGroup(child.pid);
  const running = track(child, child.pid, options);
  try {
    await untilReady(running, options);
  } catch (cause) {
    await running.kill();
    const line = [command, ...args].join(" ");
    throw new Error(`${String(cause)}\n$ ${line}\n${running.output()}`, { cause });
  }
  return running;
}

/**
 * Runs a program to its end and resolves to its output.
 *
 * @throws Error with the output when it fails or takes longer than `timeoutMs`.
 */
export async function runProcess(
  command: string,
  args: readonly string[],
  options: Pick<ProcessOptions, "cwd" | "env" | "user"> & { readonly timeoutMs?: number } = {},
): Promise<string> {
  const { timeoutMs = 60_000, ...spawning } = options;
  await using running = await startProcess(command, args, { ...spawning, ready: async () => true });
  const timer = setTimeout(() => void running.kill(), timeoutMs);
  const { code, signal } = await running.exited;
  clearTimeout(timer);
  const output = running.output();
  if (code === 0) return output;
  const line = [command, ...args].join(" ");
  throw new Error(`$ ${line}\n${output}\n(code ${code}, signal ${signal})`);
}

const maxOutput = 256 * 1024;

function track(child: ChildProcess, pid: number, options: ProcessOptions): RunningProcess {
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-maxOutput);
    });
  }

  const signalGroup = (signal: NodeJS.Signals): void => {
    try {
      process.kill(-pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  };

  const exited = new Promise<ProcessExit>((resolve) => {
    child.once("exit", (code, signal) => {
      // Processes that a program leaves in its group when it ends would otherwise keep running.
      signalGroup("SIGKILL");
      const settle = (): void => {
        clearTimeout(timer);
        reaper.groupEnded(pid);
        resolve({ code, signal });
      };
      // Its output closes when its last child has released its files and memory: a server started
      // on the same data before that fails. A child that left the group may keep it open.
      child.once("close", settle);
      const timer = setTimeout(settle, 1_000);
    });
  });

  const gone = (): boolean => child.exitCode !== null || child.signalCode !== null;

  const running: RunningProcess = {
    pid,
    exited,
    output: () => output,
    signal: (signal) => void child.kill(signal),
    signalGroup,
    async stop() {
      if (gone()) return exited;
      child.kill(options.stopSignal ?? "SIGTERM");
      // A stopped (SIGSTOP) process would not see the signal.
      child.kill("SIGCONT");
      const timer = setTimeout(() => signalGroup("SIGKILL"), options.stopTimeoutMs ?? 5_000);
      const exit = await exited;
      clearTimeout(timer);
      return exit;
    },
    async kill() {
      if (!gone()) signalGroup("SIGKILL");
      return exited;
    },
    async [Symbol.asyncDispose]() {
      await running.stop();
    },
  };
  return running;
}

async function untilReady(running: RunningProcess, options: ProcessOptions): Promise<void> {
  const { ready, readyTimeoutMs = 20_000 } = options;
  let exit: ProcessExit | undefined;
  void running.exited.then((value) => (exit = value));
  const isReady = async (): Promise<boolean> => {
    if (exit !== undefined) return true;
    if (ready instanceof RegExp) return ready.test(running.output());
    return typeof ready === "number" ? accepts(ready) : ready();
  };
  await waitFor("the program to be ready", isReady, { timeoutMs: readyTimeoutMs, everyMs: 10 });
  if (exit !== undefined) {
    throw new Error(
      `The program ended (code ${exit.code}, signal ${exit.signal}) before it was ready`,
    );
  }
}
