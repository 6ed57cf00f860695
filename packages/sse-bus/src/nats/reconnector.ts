import { createBackoff } from "../backend-shared/backoff.ts";
import { createPause } from "../backend-shared/pause.ts";
import { withTimeout } from "../core/timers.ts";

/** Attaches to the log again after the server or the consumer was lost, until it succeeds. */
export interface NatsReconnector {
  /** Starts, unless it is already running. */
  start(): void;
  /** The server is lost: reports it to the host, and starts. */
  lose(error: Error): void;
  /** Resolves with `true` when nothing is lost any longer, with `false` after `timeoutMs`. */
  settled(timeoutMs: number): Promise<boolean>;
  /** Makes the next attempt now. */
  retryNow(): void;
  close(): void;
}

export interface NatsReconnectorOptions {
  /** Connects to the log and reads up to its head. Called again until it resolves. */
  attach(): Promise<void>;
  /** Whether the result of `attach` is already broken again. */
  isBroken(): boolean;
  /** No attempt can ever succeed. */
  isHopeless(): boolean;
  onError(error: Error): void;
  onStatus(status: "up" | "down"): void;
}

export function createReconnector(options: NatsReconnectorOptions): NatsReconnector {
  const { attach, isBroken, isHopeless, onError, onStatus } = options;
  const pause = createPause();
  let running: Promise<void> | undefined;
  let isDown = false;
  let isClosed = false;

  function reportDown(error: Error): void {
    if (isDown || isClosed) return;
    isDown = true;
    onError(error);
    onStatus("down");
  }

  async function run(): Promise<void> {
    const backoff = createBackoff({ minMs: 50, maxMs: 2000 });
    for (;;) {
      try {
        await attach();
        if (isClosed) return;
        if (isBroken()) continue;
        // In the same turn as the check, so that a later loss starts a new run.
        running = undefined;
        if (isDown) {
          isDown = false;
          onStatus("up");
        }
        return;
      } catch (error) {
        if (isClosed) return;
        reportDown(error as Error);
        if (isHopeless()) return;
      }
      await pause.wait(backoff.nextMs());
    }
  }

  function start(): void {
    if (!isClosed) running ??= run();
  }

  return {
    start,
    lose(error) {
      reportDown(error);
      start();
    },
    async settled(timeoutMs) {
      if (!running) return !isDown;
      const ended = running.then(() => !isDown);
      return withTimeout(ended, timeoutMs, () => new Error("Timeout")).catch(() => false);
    },
    retryNow: () => pause.end(),
    close() {
      isClosed = true;
      pause.end();
    },
  };
}
