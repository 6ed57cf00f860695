import { SseBusError } from "../core/errors.ts";
import { keepingSql } from "./schema/keeping.ts";
import { positionsSql } from "./schema/positions.ts";
import { publishingSql } from "./schema/publishing.ts";
import { readingSql } from "./schema/reading.ts";
import { tablesSql } from "./schema/tables.ts";
import { upgradesSql } from "./schema/upgrades.ts";

/** Version of the tables and functions; a package works with this one only. */
export const SCHEMA_VERSION = 2;

const DEFAULT_SCHEMA = "sse_bus";

/** Settings of {@link migrationSql}. */
export interface MigrationOptions {
  /** The schema that everything goes into, one for each bus. @default "sse_bus" */
  readonly schema?: string | undefined;
}

/**
 * The SQL that makes or upgrades the tables and functions of the Postgres backend, to read and to
 * put among your own migrations. Run it in one transaction (`psql -1`); it may be run again.
 *
 * @throws SseBusError `INVALID_OPTION` when the schema's name is not a plain lower-case identifier
 * @example
 * ```ts
 * import { writeFileSync } from "node:fs";
 * import { migrationSql } from "sse-bus/postgres";
 *
 * writeFileSync("migrations/0042_sse_bus.sql", migrationSql());
 * ```
 */
export function migrationSql(options: MigrationOptions = {}): string {
  const schema = checkSchema(options.schema);
  return `-- sse-bus: schema version ${SCHEMA_VERSION}, for PostgreSQL 13 and later.

DO $$ BEGIN
  -- Two processes that start at once must not both create.
  PERFORM pg_advisory_xact_lock(hashtextextended('${schema}.migration', 0));
  PERFORM set_config('client_min_messages', 'warning', true);
  -- Tables that an open transaction uses cannot be changed, and whoever comes while this waits for
  -- them waits too. So it gives up, before deadlock_timeout makes it the other's fault: run it again.
  IF current_setting('lock_timeout') = '0' THEN
    PERFORM set_config('lock_timeout', '900ms', true);
  END IF;
  IF current_setting('server_version_num')::integer < 130000 THEN
    RAISE EXCEPTION 'sse-bus needs PostgreSQL 13 or later';
  END IF;
  IF current_setting('server_encoding') <> 'UTF8' THEN
    RAISE EXCEPTION 'sse-bus needs a database with the encoding UTF8';
  END IF;
  -- CREATE SCHEMA IF NOT EXISTS would ask for the right to create it even when it is there.
  IF to_regnamespace('${schema}') IS NULL THEN
    CREATE SCHEMA ${schema};
  END IF;
END $$;
${tablesSql(schema)}${upgradesSql(schema)}${positionsSql(schema)}${publishingSql(schema)}${readingSql(schema)}${keepingSql(schema)}
INSERT INTO ${schema}.state (version, epoch, home)
  VALUES (${SCHEMA_VERSION}, left(replace(gen_random_uuid()::text, '-', ''), 12), ${schema}.identity())
  ON CONFLICT (one) DO UPDATE SET version = excluded.version;
`;
}

/** @throws SseBusError `INVALID_OPTION` */
export function checkSchema(schema: string = DEFAULT_SCHEMA): string {
  // Such a name needs no quotes, so that it can stand anywhere in the SQL as it is.
  if (/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) return schema;
  throw new SseBusError(
    "INVALID_OPTION",
    "`schema` must be 1 to 63 of a-z 0-9 _, not starting with a digit.",
  );
}
