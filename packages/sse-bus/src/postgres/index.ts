/**
 * The log in PostgreSQL. A message can be part of a transaction.
 *
 * @module
 */

export { migrate } from "./migrate.ts";
export { type MigrationOptions, migrationSql } from "./migration-sql.ts";
export type { PostgresBackendOptions, PostgresSettings } from "./options.ts";
export type { PgPool, PgPoolClient } from "./pg-database.ts";
export { postgresBackend } from "./postgres-backend.ts";
export type { PostgresJs } from "./postgres-js-database.ts";
export type { PostgresTransaction, StatementResult } from "./transaction.ts";
