import type { IoRedisClient } from "./clients.ts";
import { inTime } from "./in-time.ts";
import type { Connector } from "./link.ts";

/** The part of ioredis that a link uses. */
interface Connection {
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
  readonly stream?: { destroy(): void } | undefined;
}

export function createIoRedisConnector(client: IoRedisClient): Connector {
  const { db = 0 } = client.options as { db?: number };
  return {
    database: db,
    isCluster: false,
    async connect(events, timeoutMs) {
      const connection = client.duplicate({
        lazyConnect: true,
        enableOfflineQueue: false,
        autoResubscribe: false,
        autoResendUnfulfilledCommands: false,
        enableAutoPipelining: false,
        maxRetriesPerRequest: 0,
        retryStrategy: () => null,
        reconnectOnError: null,
        connectTimeout: timeoutMs,
        // Scripts name channels too, where a prefix put on by the client would be missing.
        keyPrefix: "",
      }) as Connection;
      let isOver = false;
      let cause: Error | undefined;
      const destroy = (): void => {
        isOver = true;
        connection.disconnect();
        // It would wait for the other side to say goodbye, which a hung server never does.
        connection.stream?.destroy();
      };
      let isOpen = false;
      connection.on("error", (error) => (cause = error));
      connection.on("end", () => {
        if (!isOpen || isOver) return;
        destroy();
        events.lost(cause ?? new Error("The connection to Redis ended"));
      });
      for (const event of ["message", "smessage"] as const) {
        connection.on(event, (channel, message) => {
          if (!isOver) events.message(channel, message);
        });
      }
      connection.on("pmessage", (_pattern, channel, message) => {
        if (!isOver) events.message(channel, message);
      });
      await inTime("a connection", timeoutMs, async (resolve) => {
        await connection.connect();
        resolve();
      }).catch((error: unknown) => {
        destroy();
        // Its own rejection only says that the connection is closed; the event says why.
        throw cause ?? error;
      });
      isOpen = true;
      return {
        send: async ([command = "", ...args]) => connection.call(command, ...args),
        async subscribe(kind, names) {
          if (kind === "channel") await connection.subscribe(...names);
          else if (kind === "pattern") await connection.psubscribe(...names);
          else await connection.ssubscribe(...names);
        },
        async unsubscribe(kind, names) {
          if (kind === "channel") await connection.unsubscribe(...names);
          else if (kind === "pattern") await connection.punsubscribe(...names);
          else await connection.sunsubscribe(...names);
        },
        destroy,
      };
    },
  };
}
