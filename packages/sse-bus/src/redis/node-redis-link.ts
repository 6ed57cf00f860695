import type { NodeRedisClient } from "./clients.ts";
import { inTime } from "./in-time.ts";
import type { Connector } from "./link.ts";

/** The part of node-redis that a link uses. */
interface Connection {
  on(event: string, listener: (cause?: Error) => void): unknown;
  connect(): Promise<unknown>;
  sendCommand(args: readonly string[]): Promise<unknown>;
  subscribe(names: readonly string[], listener: Listener): Promise<unknown>;
  unsubscribe(names: readonly string[]): Promise<unknown>;
  pSubscribe(names: readonly string[], listener: Listener): Promise<unknown>;
  pUnsubscribe(names: readonly string[]): Promise<unknown>;
  sSubscribe(names: readonly string[], listener: Listener): Promise<unknown>;
  sUnsubscribe(names: readonly string[]): Promise<unknown>;
  destroy(): void;
}

type Listener = (message: string, channel: string) => void;

export function createNodeRedisConnector(client: NodeRedisClient): Connector {
  const options = (client.options ?? {}) as { database?: number; socket?: object };
  return {
    database: options.database ?? 0,
    isCluster: false,
    async connect(events, timeoutMs) {
      const connection = client.duplicate({
        disableOfflineQueue: true,
        commandOptions: undefined,
        clientSideCache: undefined,
        emitInvalidate: undefined,
        maintNotifications: "disabled",
        socket: { ...options.socket, connectTimeout: timeoutMs, reconnectStrategy: false },
      }) as Connection;
      let isOver = false;
      const destroy = (): void => {
        isOver = true;
        try {
          connection.destroy();
        } catch {
          // It throws when the connection has closed by itself, which is what is wanted here.
        }
      };
      const lose = (cause?: Error): void => {
        if (isOver) return;
        destroy();
        events.lost(cause ?? new Error("The connection to Redis ended"));
      };
      // Before it is open, connect() tells; an "error" event without a listener would be thrown.
      let isOpen = false;
      for (const event of ["error", "end"]) {
        connection.on(event, (cause) => {
          if (isOpen) lose(cause);
        });
      }
      await inTime("a connection", timeoutMs, async (resolve) => {
        await connection.connect();
        resolve();
      }).catch((error: unknown) => {
        destroy();
        throw error;
      });
      isOpen = true;
      const listener: Listener = (message, channel) => {
        if (!isOver) events.message(channel, message);
      };
      return {
        send: async (args) => connection.sendCommand(args),
        async subscribe(kind, names) {
          if (kind === "channel") await connection.subscribe(names, listener);
          else if (kind === "pattern") await connection.pSubscribe(names, listener);
          else await connection.sSubscribe(names, listener);
        },
        async unsubscribe(kind, names) {
          if (kind === "channel") await connection.unsubscribe(names);
          else if (kind === "pattern") await connection.pUnsubscribe(names);
          else await connection.sUnsubscribe(names);
        },
        destroy,
      };
    },
  };
}
