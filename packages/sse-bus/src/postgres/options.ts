import { SseBusError } from "../core/errors.ts";
import { assertCount, assertDuration } from "../core/history.ts";
import type { Database } from "./database.ts";
import { checkSchema } from "./migration-sql.ts";
import { pgDatabase, type PgPool } from "./pg-database.ts";
import { type PostgresJs, postgresJsDatabase } from "./postgres-js-database.ts";

/** Settings of {@link postgresBackend}: a pool of `pg`, or the `sql` of `postgres`. */
export type PostgresBackendOptions = PostgresSettings &
  (
    | {
        /** The `Pool` of `pg`. It stays yours: end it after the bus is closed. */
        readonly pool: PgPool;
        readonly sql?: undefined;
      }
    | {
        /** The `sql` of `postgres` (Postgres.js). It stays yours: end it after the bus is closed. */
        readonly sql: PostgresJs;
        readonly pool?: undefined;
      }
  );

export interface PostgresSettings {
  /** The schema that holds the log, one for each bus. @default "sse_bus" */
  readonly schema?: string | undefined;
  /** Makes what is missing in the database when the bus opens; `false` where only migrations may. @default true */
  readonly migrate?: boolean | undefined;
  /**
   * Where to LISTEN: a pool that reaches Postgres itself, when the other one goes through a pooler in
   * transaction mode. `false` asks the log every `pollMs` instead. @default the same pool
   */
  readonly listen?: PgPool | PostgresJs | false | undefined;
  /** How often the log is asked when no notification has come, in ms. @default 1000, or 100 without LISTEN */
  readonly pollMs?: number | undefined;
  /** How long the server may take for a statement, in ms, before it counts as away. @default 5000 */
  readonly timeoutMs?: number | undefined;
  /** How often old messages are deleted, in ms; `Infinity` leaves that to other processes. @default 10_000 */
  readonly retentionMs?: number | undefined;
  /**
   * Younger messages are not deleted whatever `history` says, so that a process that was away for so
   * long finds all it missed, in ms. @default 30_000
   */
  readonly liveMs?: number | undefined;
  /** How long idempotency ids are remembered, in ms. @default 86_400_000 (a day) */
  readonly rememberIdsMs?: number | undefined;
}

/** The options, checked and complete. */
export interface Settings {
  readonly schema: string;
  readonly migrate: boolean;
  readonly database: Database;
  readonly listen: Database | undefined;
  readonly pollMs: number;
  readonly timeoutMs: number;
  readonly retentionMs: number;
  readonly liveMs: number;
  readonly rememberIdsMs: number;
}

/** @throws SseBusError `INVALID_OPTION` */
export function readOptions(options: PostgresBackendOptions): Settings {
  const { timeoutMs = 5000, listen, migrate = true } = options;
  const settings = {
    timeoutMs,
    pollMs: options.pollMs ?? (listen === false ? 100 : 1000),
    retentionMs: options.retentionMs ?? 10_000,
    liveMs: options.liveMs ?? 30_000,
    rememberIdsMs: options.rememberIdsMs ?? 86_400_000,
  };
  for (const [name, value] of Object.entries(settings)) {
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
    ...settings,
    schema: checkSchema(options.schema),
    migrate,
    database,
    listen: listen === undefined ? database : listen ? databaseOf(listen, timeoutMs) : undefined,
  };
}

/** @throws SseBusError `INVALID_OPTION` */
export function databaseOf(client: PgPool | PostgresJs, timeoutMs: number): Database {
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
