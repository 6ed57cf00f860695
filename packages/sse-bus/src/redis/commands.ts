import { SseBusError } from "../core/errors.ts";
import type { Link } from "./link.ts";
import type { Script } from "./script.ts";
import { createStallCheck } from "./stall.ts";
import { isDemoted, unavailable } from "./unavailable.ts";
import { startInterval, startTimeout } from "../core/timers.ts";

/** Commands with a deadline, on whatever connection there is. */
export interface Commands {
  /** Runs a script that the server may not know yet. */
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  send(args: readonly string[]): Promise<unknown>;
  /** On this connection, which is not given to others before {@link use}. */
  runOn(
    link: Link,
    script: Script,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<unknown>;
  use(link: Link): void;
  /** The connection is gone: whatever waits for an answer rejects. */
  lose(cause: Error): void;
  readonly isReady: boolean;
  /** Resolves when no command is under way. */
  idle(): Promise<void>;
  /** Refuses whatever is asked from now on. */
  close(): void;
}

export interface CommandsOptions {
  readonly timeoutMs: number;
  /** How long a command waits for a connection that was lost to be there again. */
  readonly waitMs: number;
  /** The connection is of no use any more. */
  readonly drop: (cause: Error) => void;
}

interface Pending {
  readonly since: number;
  readonly reject: (cause: Error) => void;
}

interface Waiting {
  readonly resolve: (link: Link) => void;
  readonly reject: (cause: Error) => void;
}

export function createCommands({ timeoutMs, waitMs, drop }: CommandsOptions): Commands {
  /** In the order they were sent, which is the order of their answers. */
  const pending = new Set<Pending>();
  const waiting = new Set<Waiting>();
  let link: Link | undefined;
  let lastCause = new Error("Not connected");
  let isClosed = false;
  let timer: ReturnType<typeof setInterval> | undefined;
  let onIdle = (): void => {};

  async function connected(): Promise<Link> {
    if (isClosed) throw closed();
    if (link) return link;
    let entry: Waiting | undefined;
    let late: ReturnType<typeof setTimeout> | undefined;
    try {
      return await new Promise<Link>((resolve, reject) => {
        entry = { resolve, reject };
        waiting.add(entry);
        late = startTimeout(() => reject(unavailable(lastCause)), waitMs);
      });
    } finally {
      clearTimeout(late);
      if (entry) waiting.delete(entry);
    }
  }

  async function sendOn(on: Link, args: readonly string[]): Promise<unknown> {
    let entry: Pending | undefined;
    try {
      return await new Promise<unknown>((resolve, reject) => {
        entry = { since: performance.now(), reject };
        pending.add(entry);
        // One timer for all commands: the oldest is the first to be late.
        timer ??= startChecks();
        on.send(args).then(resolve, reject);
      });
    } catch (error) {
      if (on === link && isDemoted(error)) drop(error as Error);
      throw error;
    } finally {
      if (entry) pending.delete(entry);
      if (pending.size === 0) {
        clearInterval(timer);
        timer = undefined;
        onIdle();
      }
    }
  }

  async function runOn(
    on: Link,
    script: Script,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args];
    try {
      return await sendOn(on, ["EVALSHA", script.sha, ...rest]);
    } catch (error) {
      if (!(error as Error).message.startsWith("NOSCRIPT")) throw error;
      return sendOn(on, ["EVAL", script.text, ...rest]);
    }
  }

  function startChecks(): ReturnType<typeof setInterval> {
    const intervalMs = timeoutMs / 4;
    const hasStalled = createStallCheck(intervalMs, () => performance.now());
    return startInterval(() => {
      if (hasStalled()) return;
      const [oldest] = pending;
      if (oldest && performance.now() - oldest.since > timeoutMs) {
        drop(new Error(`No answer within ${timeoutMs} ms`));
      }
    }, intervalMs);
  }

  return {
    async run(script, keys, args) {
      const on = await connected();
      return runOn(on, script, keys, args).catch((error: unknown) => {
        throw unavailable(error);
      });
    },
    async send(args) {
      const on = await connected();
      return sendOn(on, args).catch((error: unknown) => {
        throw unavailable(error);
      });
    },
    runOn,
    use(given) {
      link = given;
      for (const { resolve } of waiting) resolve(given);
    },
    lose(cause) {
      link = undefined;
      lastCause = cause;
      for (const { reject } of pending) reject(cause);
    },
    get isReady() {
      return link !== undefined;
    },
    async idle() {
      if (pending.size === 0) return;
      await new Promise<void>((resolve) => (onIdle = resolve));
    },
    close() {
      isClosed = true;
      for (const { reject } of waiting) reject(closed());
    },
  };
}

export function closed(): SseBusError {
  return new SseBusError("BUS_CLOSED", "The Redis backend is closed.");
}
