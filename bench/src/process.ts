import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** A program that prints lines of JSON and reads commands from its standard input. */
export interface Helper extends AsyncDisposable {
  readonly child: ChildProcess;
  send(line: string): void;
  /** The next line with this `event`. Rejects if the program ends before. */
  next<T>(event: string): Promise<T>;
}

const running = new Map<ChildProcess, NodeJS.Signals>();
process.on("exit", endAll);

/** Ends every started program, without waiting. */
export function endAll(): void {
  for (const [child, signal] of running) child.kill(signal);
}

/** Arguments of a program: `--name value` for each value that is given. */
export function flagsOf(values: Record<string, string | number | undefined>): string[] {
  return Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)],
  );
}

/** Starts a program on one core. It ends on dispose, and with this process. */
export function start(
  cpu: number | undefined,
  command: readonly string[],
  options: {
    readonly env?: Record<string, string>;
    readonly cwd?: string;
    readonly ipc?: boolean;
    /** Another signal, for a program that has to end its own children. @default "SIGKILL" */
    readonly endSignal?: NodeJS.Signals;
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
  running.set(child, options.endSignal ?? "SIGKILL");
  child.once("exit", () => running.delete(child));
  // A write to a program that has just ended fails; its exit is reported instead.
  child.stdin?.on("error", () => undefined);
  return child;
}

export async function stop(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = once(child, "exit");
  child.kill(running.get(child) ?? "SIGKILL");
  await ended;
}

/** The next message of a child with a channel. Rejects if it ends before. */
export async function nextMessage<T>(child: ChildProcess): Promise<T> {
  if (hasEnded(child)) throw endedError(child);
  const waiting = new AbortController();
  const options = { signal: waiting.signal };
  const ended = once(child, "exit", options).then(() => Promise.reject(endedError(child)));
  // The abort releases the listener that lost the race.
  ended.catch(() => undefined);
  try {
    const [message] = (await Promise.race([once(child, "message", options), ended])) as [T];
    return message;
  } finally {
    waiting.abort();
  }
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
  // "close" is emitted after the last line, "exit" possibly before it.
  child.once("close", () => {
    for (const fail of failed) fail(endedError(child));
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
        if (hasEnded(child) && child.stdout?.closed) {
          reject(endedError(child));
          return;
        }
        failed.push(reject);
        waiting.set(event, resolve);
      }),
    [Symbol.asyncDispose]: () => stop(child),
  };
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

function endedError({ exitCode, signalCode, spawnargs }: ChildProcess): Error {
  return new Error(`${spawnargs.join(" ")} ended (${exitCode ?? signalCode})`);
}
