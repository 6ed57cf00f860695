import { readFile } from "node:fs/promises";
import { Pool } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";

import { migrate } from "../../packages/sse-bus/src/postgres/index.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { waitFor } from "../support/wait-for.ts";
import { subscribe } from "./subscriber.ts";
import { createPostgresLog, type PostgresLog } from "./postgres-log.ts";

/** As version 1 made it. */
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

test("an upgrade keeps messages, positions, the epoch and the ids, of waiting messages too", async () => {
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
  // The head is the greatest there was, and an id is of its channel.
  await old.query(`DELETE FROM ${log.schema}.message WHERE seq = 3`);
  const next = await bus.publish(1, { channel: "b", id: "seen" });
  expect(next).not.toHaveProperty("duplicate");
  expect(Number.parseInt(next.id, 36)).toBe(4);
});

test("instances of the older version go on while and after it is upgraded, and both hear each other", async () => {
  await append("a", "0");
  const bus = await log.openBus();
  const { messages } = subscribe(bus, { channel: "**", after: await bus.cursor() });
  expect(await append("a", "1", "x")).toMatchObject({ seq: "2", duplicate: "false" });
  expect(await append("a", "1", "x")).toMatchObject({ seq: "2", duplicate: "true" });
  expect(await append("b", "2", "x")).toMatchObject({ seq: "3", duplicate: "false" });
  const tx = await old.connect();
  await tx.query("BEGIN");
  await tx.query(`SELECT * FROM ${log.schema}.enqueue('c', 'message', NULL, '3', 'y', 'old')`);
  // Refused, so that its publisher tries again: version 1 would take it for stored at position 0.
  await expect(append("c", "3", "y")).rejects.toMatchObject({ code: "55P03" });
  await append("d", "4");
  await tx.query("COMMIT");
  tx.release();
  await waitFor("all messages", () => messages.length === 4);
  expect(messages.map(({ data }) => data)).toEqual([1, 2, 4, 3]);
  expect(await append("c", "3", "y")).toMatchObject({ seq: "5", duplicate: "true" });
});

test("a transaction that has published holds an upgrade up, is not ended by it, and holds up nobody else for a second", async () => {
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

test("an upgrade that a transaction holds up for long is refused, saying so, and succeeds later", async () => {
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
  expect(rows).toEqual([{ version: 2 }]);
});

/** As an instance of version 1 publishes. */
async function append(channel: string, data: string, id?: string) {
  const { rows } = await old.query<{ epoch: string; seq: string; duplicate: string }>(
    `SELECT place::text, epoch, seq::text, "time"::text, channel, duplicate::text
      FROM ${log.schema}.append($1::text::bigint, $2::text::bigint, $3::text::json)`,
    [String(Date.now() + 5000), "0", JSON.stringify([{ channel, event: "message", data, id }])],
  );
  return rows[0] as (typeof rows)[0];
}
