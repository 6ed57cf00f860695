import type { Backend } from "../core/backend.ts";
import { SseBusError } from "../core/errors.ts";
import { memoryBackend } from "../core/memory-backend.ts";
import { importNats, importPg, importRedis } from "./import-client.ts";
import { createLazyBackend, type OpenedClient } from "./lazy-backend.ts";

/**
 * Creates a backend from a URL. Without a URL, it is the memory backend.
 *
 * - `redis://`, `rediss://`: Redis, with the client `redis`
 * - `nats://`, `tls://`: NATS, with the client `@nats-io/transport-node`
 * - `postgres://`, `postgresql://`: Postgres, with the client `pg`
 *
 * The client is imported and connected when the bus opens, so a build connects to nothing. If the
 * server is unreachable then, opening fails; there is no silent fallback.
 *
 * @throws SseBusError `INVALID_OPTION` for an unknown URL scheme, or an invalid `name`
 * @example
 * ```ts
 * const bus = sharedBus({ backend: backendFromUrl(process.env.SSE_BUS_URL) });
 * ```
 */
export function backendFromUrl(
  url: string | undefined,
  { name = "sse-bus" }: BackendFromUrlOptions = {},
): Backend {
  assertName(name);
  if (url === undefined || url === "") return memoryBackend();
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  // An unescaped `/`, `?` or `#` in a password ends the host. The rest would be read as a path, and
  // appear in error messages.
  if (parsed ? !isReadable(parsed) : OURS.test(url)) {
    throw new SseBusError(
      "INVALID_OPTION",
      `The ${shown(url)} URL of the backend cannot be read: escape what is special in its user and password (\`/\` as %2F, \`?\` as %3F, \`#\` as %23, \`@\` as %40, \`%\` as %25).`,
    );
  }
  const scheme = parsed?.protocol.slice(0, -1);
  if (parsed && /^rediss?$/.test(scheme ?? "") && !/^\/?\d*$/.test(parsed.pathname)) {
    throw new SseBusError(
      "INVALID_OPTION",
      `The ${shown(url)} URL names a database that is not a number: end it with one such as /2, or without.`,
    );
  }
  switch (scheme) {
    case "redis":
    case "rediss":
      return createLazyBackend("redis", () => openRedis(url, name));
    case "nats":
    case "tls":
      return createLazyBackend("nats", () => openNats(url, name));
    case "postgres":
    case "postgresql":
      return createLazyBackend("postgres", () => openPostgres(url, name));
    default:
      throw new SseBusError(
        "INVALID_OPTION",
        `The ${shown(url)} URL names no backend: use redis://, nats:// or postgres://, or unset SSE_BUS_URL for memory.`,
      );
  }
}

/** Settings of {@link backendFromUrl}. */
export interface BackendFromUrlOptions {
  /**
   * The name of the bus on this server: the prefix of keys on Redis, the stream on NATS, the schema on
   * Postgres (where `-` becomes `_`). Buses with the same name are one bus. 1 to 40 of a-z, 0-9, `_`
   * and `-`, starting with a letter. @default "sse-bus"
   */
  readonly name?: string;
}

async function openRedis(url: string, prefix: string): Promise<OpenedClient> {
  const { createClient } = await importRedis();
  const { redisBackend } = await import("../redis/index.ts");
  // The backend only duplicates the client, so there is nothing to close.
  return {
    backend: redisBackend({ client: createClient({ url }), prefix }),
    close: async () => {},
  };
}

async function openNats(url: string, stream: string): Promise<OpenedClient> {
  const { connect } = await importNats();
  const { natsBackend } = await import("../nats/index.ts");
  const { host, username, password } = new URL(url);
  const connection = () =>
    connect({
      servers: host,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      // The default of 20 s would delay the client when a handshake is interrupted.
      timeout: 2000,
      ...(username && password === "" && { token: decodeURIComponent(username) }),
      ...(password && { user: decodeURIComponent(username), pass: decodeURIComponent(password) }),
      ...(url.startsWith("tls:") && { tls: {} }),
    });
  return { backend: natsBackend({ connection, stream }), close: async () => {} };
}

async function openPostgres(url: string, name: string): Promise<OpenedClient> {
  const { Pool } = await importPg();
  const { postgresBackend } = await import("../postgres/index.ts");
  const pool = new Pool({ connectionString: url });
  const schema = name.replaceAll("-", "_");
  return { backend: postgresBackend({ pool, schema }), close: () => pool.end() };
}

function assertName(name: unknown): void {
  if (typeof name === "string" && /^[a-z][a-z0-9_-]{0,39}$/.test(name)) return;
  throw new SseBusError(
    "INVALID_OPTION",
    `\`name\` must be 1 to 40 of a-z, 0-9, _ and -, the first one a letter; got ${JSON.stringify(name)}.`,
  );
}

const SCHEME = /^[a-z][a-z\d+.-]{0,30}:\/\//i;
const OURS = /^(?:rediss?|nats|tls|postgres(?:ql)?):/i;

function isReadable(url: URL): boolean {
  try {
    decodeURIComponent(url.username + url.password);
  } catch {
    return false;
  }
  return !hasStrayPassword(url);
}

function hasStrayPassword({ pathname, search, hash }: URL): boolean {
  return pathname.includes("@") || hash !== "" || /^\?[^=&]*@/.test(search);
}

/** A URL for an error message. Any part after the scheme may contain a password. */
function shown(url: string): string {
  return `"${SCHEME.exec(url)?.[0] ?? ""}…"`;
}
