import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** A program that prints JSON, a line each, and takes commands on its standard input. */
export interface Helper extends AsyncDisposable {
  readonly child: ChildProcess;
  send(line: string): void;
  /** The next line whose `event` is this. Rejects when the program ends before. */
  next<T>(event: string): Promise<T>;
}

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));

/** Starts a program on one core; it ends on dispose, and with this process. */
export function start(
  cpu: number | undefined,
  command: readonly string[],
  options: {
    readonly env?: Record<string, string>;
    readonly cwd?: string;
    readonly ipc?: boolean;
  } = {},
): ChildProcess {
  const pinned = cpu === undefined ? command : ["taskset", "-c", String(cpu), ...command];
  const [file = "", ...args] = pinned;
  const { NODE_OPTIONS: _, ...inherited } = process.env;
  const child = spawn(file, args, {
    env: { ...inherited, ...options.env },
    stdio: ["pipe", "pipe", "inherit", ...(options.ipc ? ["ipc" as const] : [])],
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

/** Reads the JSON lines of a program. */
export function helper(child: ChildProcess): Helper {
  const waiting = new Map<string, (line: never) => void>();
  const kept = new Map<string, unknown[]>();
  let failed: ((error: Error) => void)[] = [];
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
    if (!line.startsWith("{")) return;
    const message = JSON.parse(line) as { event: string };
    const listener = waiting.get(message.event);
    waiting.delete(message.event);
    if (listener) listener(message as never);
    else kept.set(message.event, [...(kept.get(message.event) ?? []), message]);
  });
  child.once("exit", (code, signal) => {
    for (const fail of failed) fail(new Error(`The program ended (${code ?? signal})`));
    failed = [];
  });
  return {
    child,
    send: (line) => void child.stdin?.write(`${line}\n`),
    next: (event) =>
      new Promise((resolve, reject) => {
        const first = kept.get(event)?.shift();
        if (first !== undefined) {
          resolve(first as never);
          return;
        }
        failed.push(reject);
        waiting.set(event, resolve);
      }),
    [Symbol.asyncDispose]: () => stop(child),
  };
}
