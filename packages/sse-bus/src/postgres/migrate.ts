import { SseBusError } from "../core/errors.ts";
import type { Database } from "./database.ts";
import {
  checkSchema,
  type MigrationOptions,
  migrationSql,
  SCHEMA_VERSION,
} from "./migration-sql.ts";
import { databaseOf } from "./options.ts";
import type { PgPool } from "./pg-database.ts";
import { isLockTimeout, toBackendError } from "./postgres-error.ts";
import type { PostgresJs } from "./postgres-js-database.ts";
import { startTimeout } from "../core/timers.ts";

/** A migration changes little, but may have to wait for those who use the tables. */
const MIGRATION_TIMEOUT_MS = 60_000;
/** Each waits for open transactions for less than a second, so that it holds up nobody for longer. */
const LOCK_ATTEMPTS = 5;
/** Those who wait behind an attempt come first, in ms. */
const LOCK_PAUSE_MS = 200;

/**
 * Makes or upgrades what the Postgres backend needs, with {@link migrationSql}. For a deploy step
 * whose role may do what the app's may not; `postgresBackend` does the same when it opens.
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

/** Does nothing when the version is right, unless something was found to be missing all the same. */
export async function migrateDatabase(
  database: Database,
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
export async function assertMigrated(database: Database, schema: string): Promise<void> {
  if (await isMigrated(database, schema)) return;
  throw new SseBusError(
    "BACKEND_NOT_MIGRATED",
    `The schema "${schema}" is not there, or of an older version: run migrationSql() with your migrations, or leave \`migrate\` on.`,
  );
}

/** @throws SseBusError `BACKEND_NOT_MIGRATED` when a newer package has migrated it */
async function isMigrated(database: Database, schema: string): Promise<boolean> {
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
