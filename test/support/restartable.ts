import type { RunningProcess } from "./processes.ts";

/** A server that keeps its port over any number of stops and starts. */
export interface Restartable extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** The process that runs now, or the one that ran last. */
  readonly process: RunningProcess;
  /** Stops it as an operator would; its data stays. */
  stop(): Promise<void>;
  /** Ends it with SIGKILL; its data stays as it is on disk. */
  kill(): Promise<void>;
  /** Starts it again on the same port; does nothing while it runs. */
  start(): Promise<void>;
  /** Freezes it: connections stay open without a response, as with a hung machine. */
  pause(): void;
  resume(): void;
}

export interface RestartableOptions {
  readonly port: number;
  readonly url: string;
  readonly launch: () => Promise<RunningProcess>;
  /** Runs once, after the process has ended permanently. */
  readonly dispose?: () => Promise<void>;
}

/** Launches a server with methods to make it fail and restart. */
export async function restartable(options: RestartableOptions): Promise<Restartable> {
  let running: RunningProcess | undefined;
  let last: RunningProcess;
  try {
    last = running = await options.launch();
  } catch (error) {
    await options.dispose?.();
    throw error;
  }
  let disposed: Promise<void> | undefined;
  const server: Restartable = {
    port: options.port,
    url: options.url,
    get process() {
      return last;
    },
    async stop() {
      await running?.stop();
      running = undefined;
    },
    async kill() {
      await running?.kill();
      running = undefined;
    },
    async start() {
      last = running ??= await options.launch();
    },
    pause: () => running?.signalGroup("SIGSTOP"),
    resume: () => running?.signalGroup("SIGCONT"),
    async [Symbol.asyncDispose]() {
      disposed ??= server.stop().then(async () => options.dispose?.());
      await disposed;
    },
  };
  return server;
}
