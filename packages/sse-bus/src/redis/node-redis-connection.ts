import { withTimeout } from "../core/timers.ts";
import type { NodeRedisClient } from "./client-types.ts";
import type { RedisConnector } from "./connection.ts";
import { timeoutError } from "./errors.ts";

/** What is used of a duplicated client of node-redis. */
interface DuplicatedClient {
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

export function createNodeRedisConnector(client: NodeRedisClient): RedisConnector {
  const options = (client.options ?? {}) as { database?: number; socket?: object };
  return {
    database: options.database ?? 0,
    isCluster: false,
    async connect(events, timeoutMs) {
      const duplicate = client.duplicate({
        disableOfflineQueue: true,
        commandOptions: undefined,
        clientSideCache: undefined,
        emitInvalidate: undefined,
        maintNotifications: "disabled",
        socket: { ...options.socket, connectTimeout: timeoutMs, reconnectStrategy: false },
      }) as DuplicatedClient;
      let isDestroyed = false;
      const destroy = (): void => {
        isDestroyed = true;
        try {
          duplicate.destroy();
        } catch {
          // It throws when the connection is closed already.
        }
      };
      const lose = (cause?: Error): void => {
        if (isDestroyed) return;
        destroy();
        events.lost(cause ?? new Error("The connection to Redis ended"));
      };
      // Until it is open, connect() reports failures. The listener is added anyway: an "error" event
      // without a listener ends the process.
      let isOpen = false;
      for (const event of ["error", "end"]) {
        duplicate.on(event, (cause) => {
          if (isOpen) lose(cause);
        });
      }
      await withTimeout(duplicate.connect(), timeoutMs, () =>
        timeoutError("a connection", timeoutMs),
      ).catch((error: unknown) => {
        destroy();
        throw error;
      });
      isOpen = true;
      const listener: Listener = (message, channel) => {
        if (!isDestroyed) events.message(channel, message);
      };
      return {
        send: async (args) => duplicate.sendCommand(args),
        async subscribe(kind, names) {
          if (kind === "channel") await duplicate.subscribe(names, listener);
          else if (kind === "pattern") await duplicate.pSubscribe(names, listener);
          else await duplicate.sSubscribe(names, listener);
        },
        async unsubscribe(kind, names) {
          if (kind === "channel") await duplicate.unsubscribe(names);
          else if (kind === "pattern") await duplicate.pUnsubscribe(names);
          else await duplicate.sUnsubscribe(names);
        },
        destroy,
      };
    },
  };
}
