import { Redis } from "ioredis";
import { redisBackend } from "sse-bus/redis";
import { type BackendServer, connectBuses, uniqueName } from "./server.ts";

/** Bare: `XADD`, and `PUBLISH` for the other instance; commands of one turn are pipelined. */
export function redisServer(url: string): BackendServer {
  return {
    async ours() {
      const client = new Redis(url, { lazyConnect: true });
      const prefix = uniqueName();
      return connectBuses(
        () => redisBackend({ client, prefix }),
        async () => client.disconnect(),
      );
    },
    async bare() {
      const client = new Redis(url, { enableAutoPipelining: true });
      const subscriber = new Redis(url);
      const key = uniqueName();
      let isRead = false;
      return {
        async publish(data) {
          const json = JSON.stringify(data);
          const added = client.xadd(key, "*", "j", json);
          if (isRead) await client.publish(key, json);
          await added;
        },
        async onMessage(listener) {
          isRead = true;
          await subscriber.subscribe(key);
          subscriber.on("message", listener);
        },
        async close() {
          await client.del(key);
          client.disconnect();
          subscriber.disconnect();
        },
      };
    },
  };
}
