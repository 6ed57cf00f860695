import { SseBusError } from "../core/errors.ts";
import { retentionSql } from "./schema/retention.ts";
import { positionsSql } from "./schema/positions.ts";
import { publishingSql } from "./schema/publishing.ts";
import { readingSql } from "./schema/reading.ts";
import { tablesSql } from "./schema/tables.ts";
import { upgradesSql } from "./schema/upgrades.ts";

/** The version of the tables and functions. This package works only with this version. */
export const SCHEMA_VERSION = 3;

const DEFAULT_SCHEMA = "sse_bus";

/** Settings of {@link migrationSql}. */
export interface MigrationOptions {
  /** The schema for the tables and functions. Each bus needs its own. @default "sse_bus" */
  readonly schema?: string | undefined;
}

/**
 * The SQL that creates or upgrades the tables and functions of the Postgres backend, for your own
 * migrations. Run it in one transaction (`psql -1`). It is safe to run it again.
 *
 * @throws SseBusError `INVALID_OPTION` if the schema's name is not a plain lower-case identifier
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
  -- Two processes that start at the same time must not both create the schema.
  PERFORM pg_advisory_xact_lock(hashtextextended('${schema}.migration', 0));
  PERFORM set_config('client_min_messages', 'warning', true);
  -- A table that an open transaction uses cannot be changed, and new statements wait behind this one.
  -- So it stops before deadlock_timeout would cancel one of the others. Run it again.
  IF current_setting('lock_timeout') = '0' THEN
    PERFORM set_config('lock_timeout', '900ms', true);
  END IF;
  IF current_setting('server_version_num')::integer < 130000 THEN
    RAISE EXCEPTION 'sse-bus needs PostgreSQL 13 or later';
  END IF;
  IF current_setting('server_encoding') <> 'UTF8' THEN
    RAISE EXCEPTION 'sse-bus needs a database with the encoding UTF8';
  END IF;
  -- CREATE SCHEMA IF NOT EXISTS requires the right to create it, even if it exists.
  IF to_regnamespace('${schema}') IS NULL THEN
    CREATE SCHEMA ${schema};
  END IF;
END $$;
${tablesSql(schema)}${upgradesSql(schema)}${positionsSql(schema)}${publishingSql(schema)}${readingSql(schema)}${retentionSql(schema)}
INSERT INTO ${schema}.state (version, epoch, home)
  VALUES (${SCHEMA_VERSION}, left(replace(gen_random_uuid()::text, '-', ''), 12), ${schema}.identity())
  ON CONFLICT (one) DO UPDATE SET version = excluded.version;
`;
}

/** @throws SseBusError `INVALID_OPTION` */
export function checkSchema(schema: string = DEFAULT_SCHEMA): string {
  // Such a name needs no quotes in SQL.
  if (/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) return schema;
  throw new SseBusError(
    "INVALID_OPTION",
    "`schema` must be 1 to 63 of a-z 0-9 _, not starting with a digit.",
  );
}
