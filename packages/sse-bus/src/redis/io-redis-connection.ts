import { withTimeout } from "../core/timers.ts";
import type { IoRedisClient } from "./client-types.ts";
import type { RedisConnector } from "./connection.ts";
import { timeoutError } from "./errors.ts";

/** What is used of a duplicated client of ioredis. */
interface DuplicatedClient {
  on(event: "error" | "end", listener: (cause?: Error) => void): unknown;
  on(event: "message" | "smessage", listener: (channel: string, message: string) => void): unknown;
  on(
    event: "pmessage",
    listener: (pattern: string, channel: string, message: string) => void,
  ): unknown;
  connect(): Promise<unknown>;
  call(command: string, ...args: string[]): Promise<unknown>;
  subscribe(...names: string[]): Promise<unknown>;
  unsubscribe(...names: string[]): Promise<unknown>;
  psubscribe(...names: string[]): Promise<unknown>;
  punsubscribe(...names: string[]): Promise<unknown>;
  ssubscribe(...names: string[]): Promise<unknown>;
  sunsubscribe(...names: string[]): Promise<unknown>;
  disconnect(): void;
  readonly stream?: { destroy(): void; cork?(): void; uncork?(): void } | undefined;
}

export function createIoRedisConnector(client: IoRedisClient): RedisConnector {
  const { db = 0 } = client.options as { db?: number };
  return {
    database: db,
    isCluster: false,
    async connect(events, timeoutMs) {
      const duplicate = client.duplicate({
        lazyConnect: true,
        enableOfflineQueue: false,
        autoResubscribe: false,
        autoResendUnfulfilledCommands: false,
        enableAutoPipelining: false,
        maxRetriesPerRequest: 0,
        retryStrategy: () => null,
        reconnectOnError: null,
        connectTimeout: timeoutMs,
        // The client adds its prefix to keys only; the channel names inside scripts would lack it.
        keyPrefix: "",
      }) as DuplicatedClient;
      let isDestroyed = false;
      let cause: Error | undefined;
      const destroy = (): void => {
        isDestroyed = true;
        duplicate.disconnect();
        // disconnect() waits for the server to close its side, which a hung server never does.
        duplicate.stream?.destroy();
      };
      let isOpen = false;
      duplicate.on("error", (error) => (cause = error));
      duplicate.on("end", () => {
        if (!isOpen || isDestroyed) return;
        destroy();
        events.lost(cause ?? new Error("The connection to Redis ended"));
      });
      for (const event of ["message", "smessage"] as const) {
        duplicate.on(event, (channel, message) => {
          if (!isDestroyed) events.message(channel, message);
        });
      }
      duplicate.on("pmessage", (_pattern, channel, message) => {
        if (!isDestroyed) events.message(channel, message);
      });
      await withTimeout(duplicate.connect(), timeoutMs, () =>
        timeoutError("a connection", timeoutMs),
      ).catch((error: unknown) => {
        destroy();
        // The rejection only says that the connection is closed; the "error" event says why.
        throw cause ?? error;
      });
      isOpen = true;
      const batch = createWriteBatch(() => duplicate.stream);
      return {
        async send([command = "", ...args]) {
          batch.begin();
          return duplicate.call(command, ...args);
        },
        async subscribe(kind, names) {
          if (kind === "channel") await duplicate.subscribe(...names);
          else if (kind === "pattern") await duplicate.psubscribe(...names);
          else await duplicate.ssubscribe(...names);
        },
        async unsubscribe(kind, names) {
          if (kind === "channel") await duplicate.unsubscribe(...names);
          else if (kind === "pattern") await duplicate.punsubscribe(...names);
          else await duplicate.sunsubscribe(...names);
        },
        destroy,
      };
    },
  };
}

/**
 * The client writes each command to the socket by itself. Many streams publish at the same moment, so what one
 * turn sends is written at once: the system calls cost more than the commands, here and on the server.
 */
function createWriteBatch(socket: () => DuplicatedClient["stream"]): { begin(): void } {
  let isCorked = false;
  return {
    begin() {
      const stream = socket();
      if (isCorked || !stream?.cork || !stream.uncork) return;
      isCorked = true;
      stream.cork();
      process.nextTick(() => {
        isCorked = false;
        stream.uncork?.();
      });
    },
  };
}
