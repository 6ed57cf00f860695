import { readFile } from "node:fs/promises";
import { Pool } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";

import { internalsOf } from "../../packages/sse-bus/src/core/bus.ts";
import { publishReserved, subscribeReserved } from "../../packages/sse-bus/src/core/reserved.ts";
import { migrate } from "../../packages/sse-bus/src/postgres/index.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { waitFor } from "../support/wait-for.ts";
import { subscribe } from "./subscriber.ts";
import { createPostgresLog, type PostgresLog } from "./postgres-log.ts";

/** As created by version 1. */
const oldSchema = readFile(new URL("fixtures/postgres-schema-1.sql", import.meta.url), "utf8");

let server: PostgresServer;
let log: PostgresLog;
let old: Pool;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => server[Symbol.asyncDispose]());
beforeEach(async () => {
  log = createPostgresLog(server, "pg");
  old = new Pool({ connectionString: server.url, max: 3 });
  await old.query((await oldSchema).replaceAll("sse_bus", log.schema));
});
afterEach(async () => {
  await old.end();
  await log[Symbol.asyncDispose]();
});

test("an upgrade keeps messages, positions, the epoch and the ids, also of pending messages", async () => {
  const first = await append("a", "1", "seen");
  await append("b", "2");
  await old.query(`SELECT ${log.schema}.publish('c', '3', id => 'waiting')`);
  const bus = await log.openBus();
  const { messages, gaps } = subscribe(bus, { channel: "**", after: `0-0-${first.epoch}` });
  await waitFor("all messages", () => messages.length === 3);
  expect(messages.map(({ id }) => Number.parseInt(id, 36))).toEqual([1, 2, 3]);
  expect(messages.map(({ id }) => id.split(/[-@]/)[2])).toEqual(Array(3).fill(first.epoch));
  expect(gaps).toEqual([]);
  expect(await bus.publish(1, { channel: "a", id: "seen" })).toMatchObject({
    id: messages[0]?.id,
    duplicate: true,
  });
  expect(await bus.publish(3, { channel: "c", id: "waiting" })).toMatchObject({
    id: messages[2]?.id,
    duplicate: true,
  });
  // The head is the greatest position so far, and an id belongs to its channel.
  await old.query(`DELETE FROM ${log.schema}.message WHERE seq = 3`);
  const next = await bus.publish(1, { channel: "b", id: "seen" });
  expect(next).not.toHaveProperty("duplicate");
  expect(Number.parseInt(next.id, 36)).toBe(4);
});

test("instances of the older version continue during and after an upgrade, and both receive each other's messages", async () => {
  await append("a", "0");
  const bus = await log.openBus();
  const { messages } = subscribe(bus, { channel: "**", after: await bus.cursor() });
  expect(await append("a", "1", "x")).toMatchObject({ seq: "2", duplicate: "false" });
  expect(await append("a", "1", "x")).toMatchObject({ seq: "2", duplicate: "true" });
  expect(await append("b", "2", "x")).toMatchObject({ seq: "3", duplicate: "false" });
  const tx = await old.connect();
  await tx.query("BEGIN");
  await tx.query(`SELECT * FROM ${log.schema}.enqueue('c', 'message', NULL, '3', 'y', 'old')`);
  // Rejected, so that its publisher retries: version 1 would treat it as stored at position 0.
  await expect(append("c", "3", "y")).rejects.toMatchObject({ code: "55P03" });
  await append("d", "4");
  await tx.query("COMMIT");
  tx.release();
  await waitFor("all messages", () => messages.length === 4);
  expect(messages.map(({ data }) => data)).toEqual([1, 2, 4, 3]);
  expect(await append("c", "3", "y")).toMatchObject({ seq: "5", duplicate: "true" });
});

test("a transaction that has published delays an upgrade, is not ended by it, and delays others for less than a second", async () => {
  await append("a", "1");
  const tx = await old.connect();
  await tx.query("BEGIN");
  await tx.query(`SELECT ${log.schema}.publish('a', '2', id => 'in time')`);
  const upgrading = migrate(log.pool, { schema: log.schema });
  const took: number[] = [];
  for (let n = 0; n < 5; n++) {
    const start = performance.now();
    await append("b", String(n), `b ${n}`);
    took.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(Math.max(...took)).toBeLessThan(2000);
  await tx.query(`SELECT ${log.schema}.publish('a', '3', id => 'after it began')`);
  await tx.query("COMMIT");
  tx.release();
  await upgrading;
  const bus = await log.openBus({ migrate: false });
  expect(await bus.publish(2, { channel: "a", id: "in time" })).toMatchObject({ duplicate: true });
});

test("an upgrade that a transaction delays for long fails with the reason, and succeeds later", async () => {
  const tx = await old.connect();
  await tx.query("BEGIN");
  await tx.query(`SELECT ${log.schema}.publish('a', '1', id => 'held')`);
  await expect(migrate(log.pool, { schema: log.schema })).rejects.toMatchObject({
    code: "BACKEND_UNAVAILABLE",
    message: expect.stringContaining("whose tables an open transaction uses") as string,
  });
  await tx.query("COMMIT");
  tx.release();
  await migrate(log.pool, { schema: log.schema });
  await migrate(log.pool, { schema: log.schema });
  const { rows } = await old.query(`SELECT version FROM ${log.schema}.state`);
  expect(rows).toEqual([{ version: 3 }]);
});

test("an upgraded log has reserved channels, which SQL of the application cannot publish to", async () => {
  await append("a", "1");
  const bus = await log.openBus();
  const { messages } = subscribe(bus, { channel: "**", after: await bus.cursor() });
  const seen: unknown[] = [];
  const channel = `~${"x".repeat(219)}`;
  const internals = internalsOf(bus);
  const own = subscribeReserved(internals, channel, (data) => seen.push(data), { onGap() {} });
  await own.live;
  await publishReserved(internals, channel, "note", "own");
  await append("b", "2");
  await waitFor("the last message", () => messages.length === 1);
  expect(messages[0]?.data).toBe(2);
  expect(seen).toEqual(["own"]);
  for (const name of ["~a", channel]) {
    await expect(
      old.query(`SELECT ${log.schema}.publish($1, '1'::jsonb)`, [name]),
    ).rejects.toMatchObject({
      code: "23514",
      message: expect.stringContaining("reserved") as string,
    });
  }
});

/** Publishes like an instance of version 1. */
async function append(channel: string, data: string, id?: string) {
  const { rows } = await old.query<{ epoch: string; seq: string; duplicate: string }>(
    `SELECT place::text, epoch, seq::text, "time"::text, channel, duplicate::text
      FROM ${log.schema}.append($1::text::bigint, $2::text::bigint, $3::text::json)`,
    [String(Date.now() + 5000), "0", JSON.stringify([{ channel, event: "message", data, id }])],
  );
  return rows[0] as (typeof rows)[0];
}
