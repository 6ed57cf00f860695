import { startTimeout } from "../core/timers.ts";

/** Brings the backend back after its server was lost, as often and as long as it takes. */
export interface Recovery {
  /** Starts it, unless it is under way. */
  start(): void;
  /** The server is away: starts it, and tells the host. */
  lose(error: Error): void;
  /** Resolves when nothing is to be recovered; with `false` when that takes too long. */
  settled(timeoutMs: number): Promise<boolean>;
  /** Do not wait for the next attempt. */
  hurry(): void;
  close(): void;
}

export interface RecoveryOptions {
  /** Connects to the log and catches up; called again until it resolves. */
  attach(): Promise<void>;
  /** Whether what `attach` made is already broken again. */
  isBroken(): boolean;
  /** No attempt will ever succeed. */
  isHopeless(): boolean;
  onError(error: Error): void;
  onStatus(status: "up" | "down"): void;
}

const MIN_WAIT_MS = 50;
const MAX_WAIT_MS = 2000;

export function createRecovery(options: RecoveryOptions): Recovery {
  const { attach, isBroken, isHopeless, onError, onStatus } = options;
  let running: Promise<void> | undefined;
  let isDown = false;
  let isClosed = false;
  let wake = (): void => {};

  function tellDown(error: Error): void {
    if (isDown || isClosed) return;
    isDown = true;
    onError(error);
    onStatus("down");
  }

  async function run(): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        await attach();
        if (isClosed) return;
        if (isBroken()) continue;
        // In this very turn, so that whoever finds it broken next starts the next one.
        running = undefined;
        if (isDown) {
          isDown = false;
          onStatus("up");
        }
        return;
      } catch (error) {
        if (isClosed) return;
        tellDown(error as Error);
        if (isHopeless()) return;
      }
      const limit = Math.min(MAX_WAIT_MS, MIN_WAIT_MS * 2 ** Math.min(attempt, 10));
      await pause(limit * (0.5 + Math.random() / 2));
    }
  }

  async function pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = startTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  function start(): void {
    if (!isClosed) running ??= run();
  }

  return {
    start,
    lose(error) {
      tellDown(error);
      start();
    },
    async settled(timeoutMs) {
      if (!running) return !isDown;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<boolean>((resolve) => {
        timer = startTimeout(() => resolve(false), timeoutMs);
      });
      return Promise.race([running.then(() => !isDown), late]).finally(() => clearTimeout(timer));
    },
    hurry: () => wake(),
    close() {
      isClosed = true;
      wake();
    },
  };
}
