import { Pool } from "pg";
import postgres from "postgres";
import {
  type Backend,
  type Bus,
  type BusOptions,
  createBus,
} from "../../packages/sse-bus/src/index.ts";
import {
  postgresBackend,
  type PostgresSettings,
} from "../../packages/sse-bus/src/postgres/index.ts";
import type { PostgresServer } from "../support/postgres.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";

export type Client = "pg" | "postgres";

/** A log on a server that several logs share, reached through relays that can fail. */
export interface PostgresLog extends AsyncDisposable {
  readonly schema: string;
  readonly server: PostgresServer;
  /** The instance of one process: a pool, a backend, and a relay to the server. */
  connect(settings?: PostgresSettings): Promise<Backend>;
  proxyOf(backend: Backend): TcpProxy;
  /** Stops the server and the relays, so that connections are refused. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** A bus with its own instance, connected directly to the server; closed with the log. */
  openBus(settings?: PostgresSettings, options?: BusOptions): Promise<PostgresBus>;
  /** A bus on the test's own backend. */
  busOn(backend: Backend): Promise<PostgresBus>;
  /** A pool connected directly to the server, for an app's own transactions. */
  readonly pool: Pool;
}

export interface PostgresBus extends Bus {
  readonly errors: Error[];
}

let count = 0;

export function createPostgresLog(server: PostgresServer, client: Client): PostgresLog {
  const schema = `bus_${process.pid}_${++count}`;
  const proxies = new Map<Backend, TcpProxy>();
  const closings: (() => Promise<void>)[] = [];
  const pool = new Pool({ connectionString: server.url, max: 10 });
  pool.on("error", () => {});

  return {
    schema,
    server,
    pool,
    async connect(settings = {}) {
      const proxy = await startTcpProxy(server.port);
      const url = server.url.replace(`:${server.port}/`, `:${proxy.port}/`);
      const all = { schema, pollMs: 200, retentionMs: 200, ...settings };
      const { backend, end } = connectTo(client, url, all);
      proxies.set(backend, proxy);
      const { close } = backend;
      backend.close = async () => {
        await close();
        await end();
        await proxy[Symbol.asyncDispose]();
      };
      return backend;
    },
    async openBus(settings = {}, options = {}) {
      const { backend, end } = connectTo(client, server.url, { schema, ...settings });
      const bus = await openOn(backend, options, end);
      closings.push(bus.close);
      return bus;
    },
    busOn: async (backend) => openOn(backend, {}, async () => {}),
    async stop() {
      await server.stop();
      await Promise.all(Array.from(proxies.values(), async (proxy) => proxy.cut()));
    },
    async start() {
      await server.start();
      await Promise.all(Array.from(proxies.values(), async (proxy) => proxy.mend()));
    },
    proxyOf: (backend) => proxies.get(backend) as TcpProxy,
    async [Symbol.asyncDispose]() {
      // A failed test may have left it stopped.
      await server.start();
      await Promise.all([...proxies.keys()].map(async (backend) => backend.close()));
      await Promise.all(closings.map(async (close) => close()));
      await pool.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
      await pool.end();
    },
  };
}

async function openOn(
  backend: Backend,
  options: BusOptions,
  end: () => Promise<void>,
): Promise<PostgresBus> {
  const errors: Error[] = [];
  const bus = createBus({ backend, onError: (error) => void errors.push(error), ...options });
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => (closing ??= bus.close().then(end));
  await bus.cursor();
  return { ...bus, errors, close, [Symbol.asyncDispose]: close };
}

function connectTo(client: Client, url: string, settings: PostgresSettings): Connected {
  return client === "pg" ? onPg(url, settings) : onPostgresJs(url, settings);
}

interface Connected {
  readonly backend: Backend;
  readonly end: () => Promise<void>;
}

function onPg(connectionString: string, settings: PostgresSettings): Connected {
  const pool = new Pool({ connectionString, max: 5 });
  let ending: Promise<void> | undefined;
  return { backend: postgresBackend({ pool, ...settings }), end: () => (ending ??= pool.end()) };
}

function onPostgresJs(url: string, settings: PostgresSettings): Connected {
  // By default it waits up to 20 s between attempts to connect.
  const sql = postgres(url, { max: 5, backoff: () => 0.1, fetch_types: false });
  return { backend: postgresBackend({ sql, ...settings }), end: () => sql.end({ timeout: 1 }) };
}
