import { Pool, type PoolClient } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";

import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { waitFor } from "../support/wait-for.ts";
import { subscribe } from "./subscriber.ts";
import { createPostgresLog, type PostgresLog } from "./postgres-log.ts";

let server: PostgresServer;
let log: PostgresLog;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => server[Symbol.asyncDispose]());
beforeEach(async () => {
  log = createPostgresLog(server, "pg");
});
afterEach(async () => {
  // A transaction that a failed test left open would block the removal of its schema.
  for (const tx of open.splice(0)) await tx.query("ROLLBACK").then(() => tx.release());
  await log[Symbol.asyncDispose]();
});

/** For ten publishes and more on a busy machine. One that waits for a transaction takes until `timeoutMs`, 5 s. */
const PATIENCE_MS = 4000;

test("a retry of an id that an open transaction holds blocks only itself", async () => {
  const bus = await log.openBus();
  const { messages } = subscribe(bus, { channel: "**", after: await bus.cursor() });
  const tx = await begin();
  await bus.publish("held", { channel: "orders", id: "order 42", tx });
  const retry = bus.publish("held", { channel: "orders", id: "order 42" });
  const start = performance.now();
  // In the same batch, after it, with and without their own ids.
  for (let round = 0; round < 10; round++) {
    await Promise.all([
      bus.publish("a", { channel: "a" }),
      bus.publish("b", { channel: "b", id: `b ${round}` }),
      bus.publish("c", { channel: "orders", id: `order ${round}` }),
    ]);
  }
  expect(performance.now() - start).toBeLessThan(PATIENCE_MS);
  await tx.query("COMMIT");
  expect(await retry).toMatchObject({ duplicate: true, data: "held" });
  const isHeld = ({ data }: { data: unknown }): boolean => data === "held";
  await waitFor("the held message", () => messages.some(isHeld));
  expect(await retry).toMatchObject({ id: messages.find(isHeld)?.id });
  expect(messages.length).toBe(31);
});

test("retries of many held ids use no connections of the app's pool, and each continues when its own transaction ends", async () => {
  const bus = await log.openBus();
  const txs = [await begin(), await begin()] as const;
  const names = Array.from({ length: 60 }, (_, n) => `order ${n}`);
  for (const [n, id] of names.entries()) {
    await bus.publish(n, { channel: "orders", id, tx: txs[(n % 2) as 0 | 1] });
  }
  const done = [0, 0];
  const retries = names.map(async (id, n) => {
    const published = await bus.publish(n, { channel: "orders", id });
    done[n % 2]!++;
    return published;
  });
  const start = performance.now();
  for (let n = 0; n < 20; n++) await bus.publish(n, { channel: "other" });
  expect(performance.now() - start).toBeLessThan(PATIENCE_MS);
  expect(done).toEqual([0, 0]);
  await txs[1].query("COMMIT");
  await waitFor("those of the transaction that has ended", () => done[1] === 30);
  expect(done).toEqual([0, 30]);
  await txs[0].query("ROLLBACK");
  const published = await Promise.all(retries);
  // Ids whose transaction was rolled back are new, and each is stored once.
  expect(published.map(({ duplicate }) => duplicate === true)).toEqual(
    names.map((_, n) => n % 2 === 1),
  );
  const { rows } = await log.pool.query(
    `SELECT count(*)::integer AS n FROM ${log.schema}.message WHERE channel = 'orders'`,
  );
  expect(rows).toEqual([{ n: 60 }]);
});

test("an id held for longer than `timeoutMs` fails only its own publish, with the reason", async () => {
  const bus = await log.openBus({ timeoutMs: 500 });
  const tx = await begin();
  await bus.publish("held", { channel: "orders", id: "order 42", tx });
  const retry = bus.publish("held", { channel: "orders", id: "order 42" });
  const others = Array.from({ length: 20 }, async (_, n) => bus.publish(n, { channel: "other" }));
  await expect(retry).rejects.toMatchObject({
    code: "BACKEND_UNAVAILABLE",
    message: expect.stringMatching(/open after 500 ms .*"orders"/) as string,
  });
  await Promise.all(others);
  await tx.query("ROLLBACK");
  expect(bus.errors).toEqual([]);
});

test("a bus that closes rejects the retries that wait for a transaction", async () => {
  const bus = await log.openBus({ timeoutMs: 30_000 });
  const tx = await begin();
  await bus.publish("held", { channel: "orders", id: "order 42", tx });
  const retry = bus.publish("held", { channel: "orders", id: "order 42" });
  await bus.publish("other", { channel: "other" });
  const [, refused] = await Promise.allSettled([bus.close(), retry]);
  expect(refused).toMatchObject({ status: "rejected", reason: { code: "BUS_CLOSED" } });
  await tx.query("COMMIT");
});

test("a held lock on positions fails a batch once, not message by message", async () => {
  const bus = await log.openBus({ timeoutMs: 700 });
  const holder = await begin();
  await holder.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [
    `${log.schema}.positions`,
  ]);
  const start = performance.now();
  const publishes = Array.from({ length: 10 }, async (_, n) => bus.publish(n, { channel: "a" }));
  for (const { status } of await Promise.allSettled(publishes)) expect(status).toBe("rejected");
  expect(performance.now() - start).toBeLessThan(4000);
  await holder.query("ROLLBACK");
  await bus.publish("after", { channel: "a" });
});

test("an id belongs to its channel: on two channels both are stored, and neither is a duplicate", async () => {
  const [one, two] = [await log.openBus(), await log.openBus()];
  const { messages } = subscribe(one, { channel: "**", after: await one.cursor() });
  const id = "order-42-paid";
  const first = await one.publish("probe", { channel: "m/1", id });
  const second = await two.publish("paid", { channel: "orders/42", id });
  expect(first).not.toHaveProperty("duplicate");
  expect(second).toMatchObject({ channel: "orders/42", data: "paid" });
  expect(second).not.toHaveProperty("duplicate");
  // Also in a batch, in a transaction and in SQL.
  const [third, fourth] = await Promise.all(
    ["a", "b"].map(async (channel) => one.publish(channel, { channel, id })),
  );
  for (const each of [third, fourth]) expect(each).not.toHaveProperty("duplicate");
  const tx = await begin();
  expect(await one.publish("c", { channel: "c", id, tx })).not.toHaveProperty("duplicate");
  await tx.query(`SELECT ${log.schema}.publish('d', '"d"', id => $1)`, [id]);
  await tx.query("COMMIT");
  await waitFor("all of them", () => messages.length === 6);
  expect(messages.map(({ data }) => data).slice(0, 2)).toEqual(["probe", "paid"]);
  for (const message of messages) {
    const again = await two.publish("again", { channel: message.channel, id });
    expect(again).toMatchObject({ id: message.id, channel: message.channel, duplicate: true });
  }
  expect(messages.length).toBe(6);
});

test("an open transaction holds an id on its own channel only", async () => {
  const bus = await log.openBus();
  const tx = await begin();
  await bus.publish("held", { channel: "orders", id: "1", tx });
  const start = performance.now();
  for (let n = 0; n < 10; n++) await bus.publish("free", { channel: `invoices/${n}`, id: "1" });
  expect(performance.now() - start).toBeLessThan(PATIENCE_MS);
  await tx.query("ROLLBACK");
});

test("an id may include its publisher: up to 401 characters with a line break in between", async () => {
  const backend = await log.connect();
  await backend.open({
    history: () => ({ maxMessages: 10, maxAgeMs: 60_000, maxBytes: 1e6 }),
    maxHistoryBytes: 1e6,
    onError() {},
    onStatus() {},
    onRestart() {},
  });
  const entry = { channel: "a", event: "message", key: undefined, json: "1" };
  const id = `${"p".repeat(200)}\n${"💚".repeat(100)}`;
  expect(await backend.publish({ ...entry, id })).toMatchObject({ duplicate: false });
  expect(await backend.publish({ ...entry, id })).toMatchObject({ duplicate: true });
  expect(await backend.publish({ ...entry, id: `q${id.slice(1)}` })).toMatchObject({
    duplicate: false,
  });
});

let app: Pool;
const open: PoolClient[] = [];
beforeAll(() => {
  app = new Pool({ connectionString: server.url, max: 5 });
  app.on("error", () => {});
});
afterAll(async () => app.end());

async function begin(): Promise<PoolClient> {
  const tx = await app.connect();
  await tx.query("BEGIN");
  open.push(tx);
  return tx;
}
