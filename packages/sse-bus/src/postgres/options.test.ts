import { expect, test } from "vitest";
import { migrationSql } from "./migration-sql.ts";
import { resolvePostgresOptions } from "./options.ts";
import { postgresBackend } from "./postgres-backend.ts";

/** Looks like the clients do, and connects to nothing: options are read before that. */
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
  ["something else for a client", { pool: { query: () => {} } }],
  ["something else to listen on", { pool, listen: {} }],
  ["a schema that would need quotes", { pool, schema: 'bus"; DROP TABLE orders; --' }],
  ["a schema with capitals", { pool, schema: "Bus" }],
  ["a poll interval of 0", { pool, pollMs: 0 }],
  ["an endless poll interval, which a timer takes for none", { pool, pollMs: Infinity }],
  ["an endless timeout", { pool, timeoutMs: Infinity }],
  ["a timeout that is longer than a timer counts", { pool, timeoutMs: 2 ** 31 }],
  ["a poll interval that is longer than a timer counts", { pool, pollMs: 2 ** 31 }],
])("%s is refused", (_, options) => {
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
