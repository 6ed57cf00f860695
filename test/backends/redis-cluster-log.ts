import { Cluster } from "ioredis";
import { createCluster } from "redis";

import type { Backend } from "../../packages/sse-bus/src/index.ts";
import {
  type RedisBackendOptions,
  type RedisClient,
  redisBackend,
} from "../../packages/sse-bus/src/redis/index.ts";
import type { RedisCluster } from "../support/redis-cluster.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";

/** A log on a cluster, reached through relays that can fail. */
export interface RedisClusterLog extends AsyncDisposable {
  readonly prefix: string;
  /** An instance, with its own relays to all nodes. */
  connect(options?: Partial<RedisBackendOptions>): Promise<Backend>;
  cut(backend: Backend): Promise<void>;
  mend(backend: Backend): Promise<void>;
  cutAll(): Promise<void>;
  mendAll(): Promise<void>;
}

/** Creates a cluster's client that reaches each node (by port) through a relay, as behind a NAT. */
export type MakeClusterClient = (relays: ReadonlyMap<number, TcpProxy>) => RedisClient;

const host = "127.0.0.1";

export const makeClusterClient = {
  redis: (relays) =>
    createCluster({
      rootNodes: [...relays.values()].map(({ port }) => ({ socket: { host, port } })),
      nodeAddressMap: (address) => {
        const relay = relays.get(Number(address.split(":")[1]));
        return relay && { host, port: relay.port };
      },
    }),
  ioredis: (relays) =>
    new Cluster(
      [...relays.values()].map(({ port }) => ({ host, port })),
      {
        lazyConnect: true,
        natMap: Object.fromEntries(
          [...relays].map(([port, relay]) => [`${host}:${port}`, { host, port: relay.port }]),
        ),
      },
    ),
} satisfies Record<string, MakeClusterClient>;

let count = 0;

export function createRedisClusterLog(
  { nodes }: RedisCluster,
  make: MakeClusterClient,
): RedisClusterLog {
  const prefix = `test-${++count}`;
  const relays = new Map<Backend, ReadonlyMap<number, TcpProxy>>();
  let isAway = false;

  const each = async (backend: Backend, act: (relay: TcpProxy) => Promise<void>): Promise<void> => {
    await Promise.all([...(relays.get(backend)?.values() ?? [])].map(act));
  };
  const log: RedisClusterLog = {
    prefix,
    async connect(options = {}) {
      const own = new Map<number, TcpProxy>();
      for (const { port } of nodes) own.set(port, await startTcpProxy(port));
      const client = make(own);
      const backend = redisBackend({ client, prefix, markMs: 100, timeoutMs: 1000, ...options });
      relays.set(backend, own);
      if (isAway) await log.cut(backend);
      const { close } = backend;
      backend.close = async () => {
        await close();
        await each(backend, async (relay) => relay[Symbol.asyncDispose]());
      };
      return backend;
    },
    cut: async (backend) => each(backend, async (relay) => relay.cut()),
    mend: async (backend) => each(backend, async (relay) => relay.mend()),
    async cutAll() {
      isAway = true;
      await Promise.all([...relays.keys()].map(log.cut));
    },
    async mendAll() {
      isAway = false;
      await Promise.all([...relays.keys()].map(log.mend));
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...relays.keys()].map(async (backend) => backend.close()));
    },
  };
  return log;
}
