import { createStallCheck } from "../backend-shared/stall-check.ts";
import { startInterval, withTimeout } from "../core/timers.ts";
import type { RedisConnection } from "./connection.ts";
import { closedError, isDemoted, unavailableError } from "./errors.ts";
import type { LuaScript } from "./lua-script.ts";

/** Commands with a deadline, on the current connection. */
export interface RedisCommands {
  /** Runs a script, and sends its text first if the server does not know it. */
  run(script: LuaScript, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  send(args: readonly string[]): Promise<unknown>;
  /** Runs a script on a connection that is not in use yet; see {@link useConnection}. */
  runOn(
    connection: RedisConnection,
    script: LuaScript,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<unknown>;
  /** Sends all commands on this connection from now on. */
  useConnection(connection: RedisConnection): void;
  /** The connection is lost: rejects all commands that wait for an answer. */
  lose(cause: Error): void;
  readonly isReady: boolean;
  /** Resolves when no command is waiting for an answer. */
  idle(): Promise<void>;
  /** Rejects all further commands. */
  close(): void;
}

export interface RedisCommandsOptions {
  readonly timeoutMs: number;
  /** How long a command waits for a new connection after one was lost. */
  readonly waitMs: number;
  /** Ends the current connection, because it no longer works. */
  readonly drop: (cause: Error) => void;
}

/** A command that was sent. */
interface SentCommand {
  readonly since: number;
  readonly reject: (cause: Error) => void;
}

/** A command that waits for a connection. */
interface ConnectionWaiter {
  readonly resolve: (connection: RedisConnection) => void;
  readonly reject: (cause: Error) => void;
}

export function createCommands({ timeoutMs, waitMs, drop }: RedisCommandsOptions): RedisCommands {
  /** In sending order, which is the order of the answers. */
  const sent = new Set<SentCommand>();
  const waiters = new Set<ConnectionWaiter>();
  let connection: RedisConnection | undefined;
  let lastCause = new Error("Not connected");
  let isClosed = false;
  let timer: ReturnType<typeof setInterval> | undefined;
  let onIdle = (): void => {};

  async function connected(): Promise<RedisConnection> {
    if (isClosed) throw closedError();
    if (connection) return connection;
    let waiter: ConnectionWaiter | undefined;
    const connecting = new Promise<RedisConnection>((resolve, reject) => {
      waiter = { resolve, reject };
      waiters.add(waiter);
    });
    try {
      return await withTimeout(connecting, waitMs, () => unavailableError(lastCause));
    } finally {
      if (waiter) waiters.delete(waiter);
    }
  }

  async function sendOn(on: RedisConnection, args: readonly string[]): Promise<unknown> {
    let command: SentCommand | undefined;
    try {
      return await new Promise<unknown>((resolve, reject) => {
        command = { since: performance.now(), reject };
        sent.add(command);
        // One timer for all commands: the oldest is the first to time out.
        timer ??= startDeadlineChecks();
        on.send(args).then(resolve, reject);
      });
    } catch (error) {
      if (on === connection && isDemoted(error)) drop(error as Error);
      throw error;
    } finally {
      if (command) sent.delete(command);
      if (sent.size === 0) {
        clearInterval(timer);
        timer = undefined;
        onIdle();
      }
    }
  }

  async function runOn(
    on: RedisConnection,
    script: LuaScript,
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

  function startDeadlineChecks(): ReturnType<typeof setInterval> {
    const intervalMs = timeoutMs / 4;
    const hasStalled = createStallCheck(intervalMs, () => performance.now());
    return startInterval(() => {
      if (hasStalled()) return;
      const [oldest] = sent;
      if (oldest && performance.now() - oldest.since > timeoutMs) {
        drop(new Error(`No answer within ${timeoutMs} ms`));
      }
    }, intervalMs);
  }

  return {
    async run(script, keys, args) {
      const on = await connected();
      return runOn(on, script, keys, args).catch((error: unknown) => {
        throw unavailableError(error);
      });
    },
    async send(args) {
      const on = await connected();
      return sendOn(on, args).catch((error: unknown) => {
        throw unavailableError(error);
      });
    },
    runOn,
    useConnection(next) {
      connection = next;
      for (const { resolve } of waiters) resolve(next);
    },
    lose(cause) {
      connection = undefined;
      lastCause = cause;
      for (const { reject } of sent) reject(cause);
    },
    get isReady() {
      return connection !== undefined;
    },
    async idle() {
      if (sent.size === 0) return;
      await new Promise<void>((resolve) => (onIdle = resolve));
    },
    close() {
      isClosed = true;
      for (const { reject } of waiters) reject(closedError());
    },
  };
}
