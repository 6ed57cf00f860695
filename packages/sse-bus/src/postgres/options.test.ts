import { expect, test } from "vitest";
import { migrationSql } from "./migration-sql.ts";
import { resolvePostgresOptions } from "./options.ts";
import { postgresBackend } from "./postgres-backend.ts";

/** Has the shape of a client but connects to nothing: options are checked first. */
const pool = {
  connect: async () => Promise.reject(new Error("unused")),
  on: () => {},
  totalCount: 0,
  options: { max: 10 },
};

test("polling is slow with notifications, and fast without them", () => {
  expect(resolvePostgresOptions({ pool }).pollMs).toBe(1000);
  expect(resolvePostgresOptions({ pool, listen: false }).pollMs).toBe(100);
  expect(resolvePostgresOptions({ pool, listen: false, pollMs: 500 }).pollMs).toBe(500);
});

test.each([
  ["no client", {}],
  ["a client that is not one", { pool: { query: () => {} } }],
  ["a `listen` that is not a pool", { pool, listen: {} }],
  ["a schema that would need quotes", { pool, schema: 'bus"; DROP TABLE orders; --' }],
  ["a schema with capitals", { pool, schema: "Bus" }],
  ["a poll interval of 0", { pool, pollMs: 0 }],
  ["an infinite poll interval, which a timer treats as zero", { pool, pollMs: Infinity }],
  ["an infinite timeout", { pool, timeoutMs: Infinity }],
  ["a timeout longer than the longest timer", { pool, timeoutMs: 2 ** 31 }],
  ["a poll interval longer than the longest timer", { pool, pollMs: 2 ** 31 }],
])("%s is rejected", (_, options) => {
  expect(() => postgresBackend(options as never)).toThrow(
    expect.objectContaining({ name: "SseBusError", code: "INVALID_OPTION" }),
  );
});

test("retention may be left to other processes", () => {
  expect(resolvePostgresOptions({ pool, retentionMs: Number.POSITIVE_INFINITY }).retentionMs).toBe(
    Infinity,
  );
});

test("a migration is for one schema, so one database can hold several buses", () => {
  const sql = migrationSql({ schema: "tenant_7" });
  expect(sql).toContain("CREATE TABLE IF NOT EXISTS tenant_7.message (");
  expect(sql).not.toContain("sse_bus.");
  expect(() => migrationSql({ schema: "a.b" })).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION" }),
  );
});
