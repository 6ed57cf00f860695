import { SseBusError } from "../core/errors.ts";
import type { PostgresDatabase } from "./database.ts";
import {
  checkSchema,
  type MigrationOptions,
  migrationSql,
  SCHEMA_VERSION,
} from "./migration-sql.ts";
import { databaseOf } from "./options.ts";
import type { PgPool } from "./pg-database.ts";
import { isLockTimeout, toBackendError } from "./errors.ts";
import type { PostgresJs } from "./postgres-js-database.ts";
import { startTimeout } from "../core/timers.ts";

/** A migration is quick, but may have to wait for transactions that use the tables. */
const MIGRATION_TIMEOUT_MS = 60_000;
/** Each attempt waits less than a second for open transactions, because others wait behind it. */
const LOCK_ATTEMPTS = 5;
/** A pause between attempts, so that transactions that wait behind one can run, in ms. */
const LOCK_PAUSE_MS = 200;

/**
 * Creates or upgrades the tables and functions of the Postgres backend, with {@link migrationSql}. Use
 * it in a deploy step whose database role has more rights than the app's. Without it,
 * `postgresBackend` does the same when it opens.
 *
 * @throws SseBusError `BACKEND_UNAVAILABLE`, `BACKEND_NOT_MIGRATED` when the database is ahead
 * @example
 * ```ts
 * const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
 * await migrate(pool);
 * await pool.end();
 * ```
 */
export async function migrate(
  client: PgPool | PostgresJs,
  options: MigrationOptions = {},
): Promise<void> {
  const database = databaseOf(client, MIGRATION_TIMEOUT_MS);
  await migrateDatabase(database, checkSchema(options.schema));
}

/** Does nothing if the version is current, unless `isIncomplete` says that something is missing. */
export async function migrateDatabase(
  database: PostgresDatabase,
  schema: string,
  isIncomplete = false,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      if ((await isMigrated(database, schema)) && !isIncomplete) return;
      return await database.script(migrationSql({ schema }));
    } catch (error) {
      const isHeld = isLockTimeout(error);
      if (!isHeld || attempt === LOCK_ATTEMPTS) {
        const why = isHeld ? ", whose tables an open transaction uses" : "";
        throw toBackendError(error, `make or upgrade the schema "${schema}"${why}`);
      }
      await new Promise((resolve) => startTimeout(resolve, LOCK_PAUSE_MS));
    }
  }
}

/** @throws SseBusError `BACKEND_NOT_MIGRATED` */
export async function assertMigrated(database: PostgresDatabase, schema: string): Promise<void> {
  if (await isMigrated(database, schema)) return;
  throw new SseBusError(
    "BACKEND_NOT_MIGRATED",
    `The schema "${schema}" is not there, or of an older version: run migrationSql() with your migrations, or leave \`migrate\` on.`,
  );
}

/** @throws SseBusError `BACKEND_NOT_MIGRATED` when a newer package has migrated it */
async function isMigrated(database: PostgresDatabase, schema: string): Promise<boolean> {
  const [found] = await database.query("SELECT to_regclass($1::text)::text", [`${schema}.state`]);
  if (found?.[0] == null) return false;
  const [row] = await database.query(`SELECT version::text FROM ${schema}.state`, []);
  const version = Number(row?.[0] ?? 0);
  if (version <= SCHEMA_VERSION) return version === SCHEMA_VERSION;
  throw new SseBusError(
    "BACKEND_NOT_MIGRATED",
    `The schema "${schema}" is of version ${version}, and this version of sse-bus works with ${SCHEMA_VERSION}: upgrade the package here too.`,
  );
}
