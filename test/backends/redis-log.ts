import { Redis } from "ioredis";
import { createClient } from "redis";

import type { Backend } from "../../packages/sse-bus/src/index.ts";
import {
  type RedisBackendOptions,
  type RedisClient,
  redisBackend,
} from "../../packages/sse-bus/src/redis/index.ts";
import type { RedisServer } from "../support/redis.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";

/** A log on a server that several logs share, reached through relays that can fail. */
export interface RedisLog extends AsyncDisposable {
  readonly prefix: string;
  /** An instance, with its own relay to the server. */
  connect(options?: Partial<RedisBackendOptions>): Promise<Backend>;
  proxyOf(backend: Backend): TcpProxy;
  /** Empties a channel's stream by hand, or deletes the key, in turn. */
  deleteMessages(channel: string): Promise<void>;
}

/** Creates a client of one of the two libraries, which the backend only duplicates. */
export type MakeClient = (port: number) => RedisClient;

export const makeClient = {
  redis: (port) => createClient({ url: `redis://127.0.0.1:${port}` }),
  ioredis: (port) => new Redis({ port, host: "127.0.0.1", lazyConnect: true }),
} satisfies Record<string, MakeClient>;

let count = 0;

export function createRedisLog(server: RedisServer, make: MakeClient): RedisLog {
  const prefix = `test-${++count}`;
  const proxies = new Map<Backend, TcpProxy>();
  let deletions = 0;
  return {
    prefix,
    async connect(options = {}) {
      const proxy = await startTcpProxy(server.port);
      const client = make(proxy.port);
      const backend = redisBackend({ client, prefix, markMs: 100, timeoutMs: 1000, ...options });
      proxies.set(backend, proxy);
      const { close } = backend;
      backend.close = async () => {
        await close();
        await proxy[Symbol.asyncDispose]();
      };
      return backend;
    },
    proxyOf: (backend) => proxies.get(backend) as TcpProxy,
    async deleteMessages(channel) {
      const redis = new Redis({ port: server.port, host: "127.0.0.1" });
      const key = `{${prefix}}:log:${channel}`;
      if (deletions++ % 2 === 0) await redis.xtrim(key, "MAXLEN", 0);
      else await redis.del(key);
      await redis.quit();
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...proxies.keys()].map(async (backend) => backend.close()));
    },
  };
}
