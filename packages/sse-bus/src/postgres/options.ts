import { SseBusError } from "../core/errors.ts";
import { assertCount, assertDuration } from "../core/history.ts";
import type { PostgresDatabase } from "./database.ts";
import { checkSchema } from "./migration-sql.ts";
import { pgDatabase, type PgPool } from "./pg-database.ts";
import { type PostgresJs, postgresJsDatabase } from "./postgres-js-database.ts";

/** Settings of {@link postgresBackend}: a pool of `pg`, or the `sql` of `postgres`. */
export type PostgresBackendOptions = PostgresSettings &
  (
    | {
        /** The `Pool` of `pg`. The backend never ends it: do so after the bus is closed. */
        readonly pool: PgPool;
        readonly sql?: undefined;
      }
    | {
        /** The `sql` of `postgres` (Postgres.js). The backend never ends it: do so after the bus is closed. */
        readonly sql: PostgresJs;
        readonly pool?: undefined;
      }
  );

export interface PostgresSettings {
  /** The schema for the tables of the log. Each bus needs its own. @default "sse_bus" */
  readonly schema?: string | undefined;
  /**
   * Creates or upgrades the schema when the bus opens. Set it to `false` if only your migrations may
   * change the database; see {@link migrationSql}. @default true
   */
  readonly migrate?: boolean | undefined;
  /**
   * Where to LISTEN. Pass a pool that connects to Postgres directly if `pool` or `sql` goes through a
   * pooler in transaction mode. `false` polls the log every `pollMs` instead. @default the same pool
   */
  readonly listen?: PgPool | PostgresJs | false | undefined;
  /**
   * How often to poll the log when no notification arrives, in ms.
   * @default 1000, or 100 with `listen: false`
   */
  readonly pollMs?: number | undefined;
  /** Time limit for a statement, in ms. After it, the server counts as unavailable. @default 5000 */
  readonly timeoutMs?: number | undefined;
  /**
   * How often to delete messages that exceed `history`, in ms. `Infinity` leaves that to other
   * processes. @default 10_000
   */
  readonly retentionMs?: number | undefined;
  /**
   * The age below which a message is never deleted, whatever `history` says, in ms. A process that
   * was disconnected for less than this time finds all messages. @default 30_000
   */
  readonly liveMs?: number | undefined;
  /** How long an idempotency id is remembered, in ms. @default 86_400_000 (one day) */
  readonly rememberIdsMs?: number | undefined;
}

/** The options, checked and with all defaults. */
export interface ResolvedPostgresOptions {
  readonly schema: string;
  readonly migrate: boolean;
  readonly database: PostgresDatabase;
  readonly listen: PostgresDatabase | undefined;
  readonly pollMs: number;
  readonly timeoutMs: number;
  readonly retentionMs: number;
  readonly liveMs: number;
  readonly rememberIdsMs: number;
}

/** @throws SseBusError `INVALID_OPTION` */
export function resolvePostgresOptions(options: PostgresBackendOptions): ResolvedPostgresOptions {
  const { timeoutMs = 5000, listen, migrate = true } = options;
  const numbers = {
    timeoutMs,
    pollMs: options.pollMs ?? (listen === false ? 100 : 1000),
    retentionMs: options.retentionMs ?? 10_000,
    liveMs: options.liveMs ?? 30_000,
    rememberIdsMs: options.rememberIdsMs ?? 86_400_000,
  };
  for (const [name, value] of Object.entries(numbers)) {
    assertCount(value, name);
    if (name === "timeoutMs" || name === "pollMs") assertDuration(value, name);
    if (value !== Number.POSITIVE_INFINITY || name === "retentionMs") continue;
    throw new SseBusError("INVALID_OPTION", `\`${name}\` must not be Infinity.`);
  }
  const client = options.pool ?? options.sql;
  const database = databaseOf(client, timeoutMs);
  if (listen === undefined && isPool(client) && client.options.max === 1) {
    throw new SseBusError(
      "INVALID_OPTION",
      "`pool` has `max: 1`, and LISTEN keeps a connection for itself: allow at least 2, or pass a pool for `listen`.",
    );
  }
  return {
    ...numbers,
    schema: checkSchema(options.schema),
    migrate,
    database,
    listen: listen === undefined ? database : listen ? databaseOf(listen, timeoutMs) : undefined,
  };
}

/** @throws SseBusError `INVALID_OPTION` */
export function databaseOf(client: PgPool | PostgresJs, timeoutMs: number): PostgresDatabase {
  if (isPool(client)) return pgDatabase(client, timeoutMs);
  if (typeof (client as PostgresJs | undefined)?.listen === "function") {
    return postgresJsDatabase(client, timeoutMs);
  }
  throw new SseBusError(
    "INVALID_OPTION",
    "postgresBackend needs `pool`, a Pool of `pg`, or `sql`, made by `postgres`.",
  );
}

function isPool(client: PgPool | PostgresJs): client is PgPool {
  const pool = client as PgPool | undefined;
  return typeof pool?.connect === "function" && typeof pool.totalCount === "number";
}
