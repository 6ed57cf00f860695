import { createLazyTimer } from "../core/timers.ts";
import { cutText, MAX_LINE, MAX_LINES_A_MESSAGE } from "./task-messages.ts";

/**
 * Publishes what a task reports: the first report immediately, then at most one state per interval, the newest
 * one. Lines are collected for the same interval. While the backend is down, it keeps the newest state and the
 * last lines, and tries again.
 */
export interface TaskOutbox {
  /** The state has changed. */
  changed(): void;
  log(text: string): void;
  /** Publishes all that is left now. Resolves once it is stored, or after {@link stop}. */
  flush(): Promise<void>;
  /** Publishes nothing more. Idempotent. */
  stop(): void;
}

export interface TaskOutboxOptions {
  readonly intervalMs: number;
  readonly sendState: () => Promise<unknown>;
  /** `n` is the number of the first line. */
  readonly sendLines: (n: number, lines: readonly string[]) => Promise<unknown>;
  /** Called once each, when the backend is up again. */
  readonly onceUp: Set<() => void>;
  readonly onError: (error: Error) => void;
}

const MAX_WAITING_LINES = 1000;
const MAX_WAITING_CHARACTERS = 500_000;
const MAX_CHARACTERS_A_MESSAGE = 60_000;
const MIN_RETRY_MS = 250;
const MAX_RETRY_MS = 5000;

export function createTaskOutbox(options: TaskOutboxOptions): TaskOutbox {
  const { intervalMs, sendState, sendLines, onceUp, onError } = options;
  const lines: string[] = [];
  let characters = 0;
  /** The number of the first waiting line. */
  let first = 1;
  let isDirty = false;
  let isSending = false;
  let isStopped = false;
  let sentAt = Number.NEGATIVE_INFINITY;
  let failures = 0;
  let lastFailure: string | undefined;
  let waiters: (() => void)[] = [];
  const timer = createLazyTimer(run);

  function isEmpty(): boolean {
    return !isDirty && lines.length === 0;
  }

  function wake(): void {
    if (isSending || isStopped || failures > 0) return;
    const isUrgent = waiters.length > 0;
    const waitMs = isUrgent ? 0 : sentAt + intervalMs - performance.now();
    if (waitMs <= 0) run();
    else timer.start(waitMs);
  }

  function run(): void {
    timer.stop();
    onceUp.delete(run);
    if (isSending || isStopped) return;
    if (isEmpty()) return resolveWaiters();
    void send();
  }

  async function send(): Promise<void> {
    isSending = true;
    sentAt = performance.now();
    try {
      // Before the state: the last one ends the task.
      while (lines.length > 0 && !isStopped) await sendSomeLines();
      if (isDirty && !isStopped) await sendNewestState();
      failures = 0;
      lastFailure = undefined;
    } catch (error) {
      reportOnce(error as Error);
      failures++;
    } finally {
      isSending = false;
    }
    if (failures > 0) retryLater();
    else if (isEmpty()) resolveWaiters();
    else wake();
  }

  async function sendSomeLines(): Promise<void> {
    let count = 0;
    let size = 0;
    while (count < Math.min(lines.length, MAX_LINES_A_MESSAGE)) {
      size += (lines[count] as string).length;
      if (count > 0 && size > MAX_CHARACTERS_A_MESSAGE) break;
      count++;
    }
    const n = first;
    await sendLines(n, lines.slice(0, count));
    // Lines may have been dropped in the meantime. If the answer was lost, they are published again: their
    // numbers say so.
    drop(Math.max(0, n + count - first));
  }

  async function sendNewestState(): Promise<void> {
    isDirty = false;
    try {
      await sendState();
    } catch (error) {
      isDirty = true;
      throw error;
    }
  }

  function drop(count: number): void {
    for (const line of lines.splice(0, count)) characters -= line.length;
    first += count;
  }

  function dropExcess(): void {
    let count = Math.max(0, lines.length - MAX_WAITING_LINES);
    let left = characters;
    for (const [index, line] of lines.entries()) {
      if (index >= count && left <= MAX_WAITING_CHARACTERS) break;
      left -= line.length;
      count = Math.max(count, index + 1);
    }
    drop(count);
  }

  function retryLater(): void {
    if (isStopped) return;
    onceUp.add(run);
    const waitMs = Math.min(MAX_RETRY_MS, MIN_RETRY_MS * 2 ** (failures - 1));
    timer.start(waitMs * (0.5 + Math.random() / 2));
  }

  /** An outage is reported once, not with every attempt. */
  function reportOnce(error: Error): void {
    if (!isStopped && error.message !== lastFailure) onError(error);
    lastFailure = error.message;
  }

  function resolveWaiters(): void {
    const all = waiters;
    waiters = [];
    for (const resolve of all) resolve();
  }

  return {
    changed() {
      isDirty = true;
      wake();
    },
    log(text) {
      for (const whole of text.slice(-MAX_WAITING_CHARACTERS).split(/\r?\n/)) {
        const line = cutText(whole, MAX_LINE);
        lines.push(line);
        characters += line.length;
      }
      dropExcess();
      wake();
    },
    async flush() {
      if (isStopped) return;
      const done = new Promise<void>((resolve) => waiters.push(resolve));
      wake();
      await done;
    },
    stop() {
      isStopped = true;
      timer.stop();
      onceUp.delete(run);
      resolveWaiters();
    },
  };
}
