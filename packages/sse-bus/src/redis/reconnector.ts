import { createBackoff } from "../backend-shared/backoff.ts";
import { startTimeout } from "../core/timers.ts";
import type { ConnectionEvents, RedisConnection, RedisConnector } from "./connection.ts";

/** Opens a connection, sets it up, and opens another one whenever it is lost. */
export interface RedisReconnector {
  /** Opens the first connection. Rejects when that fails, and leaves nothing open then. */
  open(): Promise<void>;
  /** Ends the current connection; a new one follows. */
  drop(cause: Error): void;
  /** Idempotent. */
  close(): void;
}

export interface RedisReconnectorOptions {
  readonly connector: RedisConnector;
  readonly connectTimeoutMs: number;
  readonly onMessage: (channel: string, text: string) => void;
  /** Sets up a new connection. When this rejects, the connection counts as lost. */
  readonly onUp: (connection: RedisConnection) => Promise<void>;
  /** The connection was lost, or an attempt to open one failed. */
  readonly onDown: (cause: Error) => void;
}

export function createReconnector(options: RedisReconnectorOptions): RedisReconnector {
  const { connector, connectTimeoutMs, onUp, onDown } = options;
  const backoff = createBackoff({ minMs: 25, maxMs: 1000 });
  let connection: RedisConnection | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isClosed = false;

  async function connect(): Promise<void> {
    const events: ConnectionEvents = {
      message: (channel, text) => options.onMessage(channel, text),
      lost: (cause) => lose(current, cause),
    };
    const current = await connector.connect(events, connectTimeoutMs);
    if (isClosed) {
      current.destroy();
      throw new Error("Closed");
    }
    connection = current;
    try {
      await onUp(current);
      backoff.reset();
    } catch (error) {
      lose(current, error as Error);
      throw error;
    }
  }

  function lose(lost: RedisConnection, cause: Error): void {
    if (connection !== lost) return;
    connection = undefined;
    lost.destroy();
    if (isClosed) return;
    onDown(cause);
    reconnect();
  }

  function reconnect(): void {
    if (isClosed || timer !== undefined) return;
    timer = startTimeout(() => {
      timer = undefined;
      connect().catch((error: unknown) => {
        if (isClosed) return;
        if (!connection) onDown(error as Error);
        reconnect();
      });
    }, backoff.nextMs());
  }

  function close(): void {
    isClosed = true;
    clearTimeout(timer);
    timer = undefined;
    connection?.destroy();
    connection = undefined;
  }

  return {
    async open() {
      try {
        await connect();
      } catch (error) {
        close();
        throw error;
      }
    },
    drop(cause) {
      if (connection) lose(connection, cause);
    },
    close,
  };
}
