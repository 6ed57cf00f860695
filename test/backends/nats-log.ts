import { jetstreamManager } from "@nats-io/jetstream";
import { connect, type ConnectionOptions } from "@nats-io/transport-node";
import type { Backend } from "../../packages/sse-bus/src/index.ts";
import { natsBackend, type NatsBackendOptions } from "../../packages/sse-bus/src/nats/index.ts";
import type { NatsServer } from "../support/nats.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";

/** A log on a server that several logs share, reached through relays that can fail. */
export interface NatsLog extends AsyncDisposable {
  readonly stream: string;
  readonly server: NatsServer;
  /** An instance, with its own relay to the server. */
  connect(options?: Partial<NatsBackendOptions>): Promise<Backend>;
  proxyOf(backend: Backend): TcpProxy;
  /** Purges the subjects of a channel whose name is one plain word. */
  deleteMessages(channel: string): Promise<void>;
}

let count = 0;

export function createNatsLog(server: NatsServer): NatsLog {
  const stream = `test-${++count}`;
  const proxies = new Map<Backend, TcpProxy>();

  return {
    stream,
    server,
    async connect(options = {}) {
      const proxy = await startTcpProxy(server.port);
      const backend = natsBackend({
        stream,
        heartbeatMs: 250,
        // The server reserves it. At the default of 1 GiB, the streams of all tests need more than some disks have.
        maxBytes: 67_108_864,
        connection: async () => connectTo(proxy.port),
        ...options,
      });
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
      const connection = await connectTo(server.port);
      const manager = await jetstreamManager(connection);
      await manager.streams.purge(stream, { filter: `${stream}.c.${channel}` });
      await connection.close();
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...proxies.keys()].map(async (backend) => backend.close()));
    },
  };
}

export async function connectTo(port: number, options: ConnectionOptions = {}) {
  return connect({
    servers: `127.0.0.1:${port}`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 20,
    // A handshake interrupted by the server's end times out after this, 20 s by default.
    timeout: 500,
    // The server would announce its own address, which bypasses the relay.
    ignoreClusterUpdates: true,
    ...options,
  });
}
