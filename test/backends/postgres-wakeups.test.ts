import { Client, Pool } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";

import { postgresBackend } from "../../packages/sse-bus/src/postgres/index.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { waitFor } from "../support/wait-for.ts";
import { subscribe, subscribeLive } from "./subscriber.ts";
import { createPostgresLog, type PostgresLog } from "./postgres-log.ts";

let server: PostgresServer;
let log: PostgresLog;
beforeAll(async () => {
  server = await startPostgres({ settings: { max_connections: 200 } });
});
afterAll(async () => server[Symbol.asyncDispose]());
beforeEach(async () => {
  log = createPostgresLog(server, "pg");
});
afterEach(async () => log[Symbol.asyncDispose]());

/** So long that nothing in these tests is found by polling. */
const NEVER_MS = 60_000;

test("a message is received when it is notified, not at the next poll", async () => {
  const [one, two] = [
    await log.openBus({ pollMs: NEVER_MS }),
    await log.openBus({ pollMs: NEVER_MS }),
  ];
  const { messages } = await subscribeLive(two);
  await one.publish("by itself", { channel: "orders" });
  await waitFor("the message", () => messages.length === 1);
  await log.pool.query("BEGIN; COMMIT");
  const tx = await log.pool.connect();
  await tx.query("BEGIN");
  await one.publish("in a transaction", { channel: "orders", tx });
  await tx.query("COMMIT");
  tx.release();
  await waitFor("the other message", () => messages.length === 2);
});

test("the size of a notification is constant", async () => {
  const bus = await log.openBus({ pollMs: NEVER_MS });
  const { messages } = subscribe(bus);
  await using wakeups = await listenTo(log.schema);
  // Postgres allows 8000 bytes in a notification.
  const large = "x".repeat(200_000);
  await bus.publish(large, { channel: "orders" });
  const tx = await log.pool.connect();
  await tx.query("BEGIN");
  for (let n = 0; n < 100; n++) await bus.publish(large, { channel: "orders", key: `${n}`, tx });
  await tx.query("COMMIT");
  tx.release();
  await waitFor("all messages", () => messages.length === 101);
  await wakeups.catchUp();
  expect(messages.every(({ data }) => data === large)).toBe(true);
  expect(wakeups.payloads.length).toBeGreaterThan(0);
  expect(Math.max(...wakeups.payloads.map((payload) => payload.length))).toBeLessThan(100);
  // A transaction notifies once, however much it has published.
  expect(wakeups.payloads.filter((payload) => payload.startsWith("commit")).length).toBe(1);
});

test("messages published without LISTEN are found when LISTEN starts again", async () => {
  const [one, two] = [
    await log.openBus({ pollMs: NEVER_MS }),
    await log.openBus({ pollMs: NEVER_MS }),
  ];
  const { messages, gaps } = await subscribeLive(two);
  for (let round = 0; round < 10; round++) {
    await one.publish([round, "before"], { channel: "orders" });
    await log.pool.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN %'",
    );
    await waitFor("it to be stored", () =>
      one.publish([round, "after"], { channel: "orders", id: `${round}` }),
    );
    await waitFor("both messages", () => messages.length === 2 * round + 2);
  }
  expect(messages.map(({ data }) => data)).toEqual(
    Array.from({ length: 10 }, (_, round) => [
      [round, "before"],
      [round, "after"],
    ]).flat(),
  );
  expect(gaps).toEqual([]);
});

test("without LISTEN the log is polled, also for transactions", async () => {
  const settings = { listen: false, pollMs: 50 } as const;
  const [one, two] = [await log.openBus(settings), await log.openBus(settings)];
  const { messages } = await subscribeLive(two);
  // Those of earlier tests end shortly after their connections.
  await waitFor("no session that listens", async () => {
    const { rows } = await log.pool.query(
      "SELECT FROM pg_stat_activity WHERE query LIKE 'LISTEN %' AND datname = current_database()",
    );
    return rows.length === 0;
  });
  for (let n = 0; n < 5; n++) {
    await one.publish([n, "by itself"], { channel: "orders" });
    const tx = await log.pool.connect();
    await tx.query("BEGIN");
    await one.publish([n, "in a transaction"], { channel: "orders", tx });
    await tx.query("COMMIT");
    tx.release();
    await waitFor("both messages", () => messages.length === 2 * n + 2);
  }
});

test("a LISTEN that receives nothing, as behind a pooler, is reported once and replaced by polling", async () => {
  // Notifications stay in their database: LISTEN on another one receives nothing, as through a pooler.
  await log.pool.query(`CREATE DATABASE elsewhere_${log.schema}`);
  const elsewhere = new Pool({
    connectionString: server.url.replace(/postgres$/, `elsewhere_${log.schema}`),
  });
  const bus = await log.openBus({ listen: elsewhere, pollMs: NEVER_MS });
  const other = await log.openBus();
  const { messages } = await subscribeLive(bus);
  await waitFor("it to be reported", () => bus.errors.length > 0);
  expect(bus.errors).toMatchObject([{ code: "LISTEN_UNAVAILABLE" }]);
  for (let n = 0; n < 5; n++) {
    await other.publish(n, { channel: "orders" });
    await waitFor("the message", () => messages.length === n + 1);
  }
  expect(bus.errors.length).toBe(1);
  await bus.close();
  await elsewhere.end();
});

test("a pool for LISTEN that cannot connect is reported, and the rest works", async () => {
  const nowhere = new Pool({ connectionString: "postgres://postgres@127.0.0.1:1/postgres" });
  const bus = await log.openBus({ listen: nowhere });
  const { messages } = subscribe(bus);
  await bus.publish(1, { channel: "orders" });
  await waitFor("the message", () => messages.length === 1);
  await waitFor("it to be reported", () => bus.errors.length > 0);
  expect(bus.errors).toMatchObject([{ code: "LISTEN_UNAVAILABLE" }]);
  await bus.close();
  await nowhere.end();
});

test("a pool of one connection, which LISTEN would occupy, is rejected", async () => {
  const pool = new Pool({ connectionString: server.url, max: 1 });
  expect(() => postgresBackend({ pool, schema: log.schema })).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION" }),
  );
  expect(() => postgresBackend({ pool, schema: log.schema, listen: false })).not.toThrow();
  await pool.end();
});

test("a pool of two, shared with running transactions, is enough", async () => {
  const pool = new Pool({ connectionString: server.url, max: 2 });
  const bus = await log.openBus();
  const { messages } = await subscribeLive(bus);
  const own = postgresBackend({ pool, schema: log.schema });
  await using tight = await log.busOn(own);
  for (let n = 0; n < 20; n++) {
    const tx = await pool.connect();
    await tx.query("BEGIN");
    await tight.publish(n, { channel: "orders", tx });
    await tx.query("COMMIT");
    tx.release();
  }
  await waitFor("all messages", () => messages.length === 20);
  await tight.close();
  await pool.end();
});

test("many commits a second are not notified one by one, none is missed, and single notifications return later", async () => {
  const [bus, reader] = [
    await log.openBus({ pollMs: NEVER_MS }),
    await log.openBus({ pollMs: NEVER_MS }),
  ];
  const { messages } = await subscribeLive(reader);
  await using wakeups = await listenTo(log.schema);
  await using app = Object.assign(new Pool({ connectionString: server.url, max: 20 }), {
    [Symbol.asyncDispose]: async () => app.end(),
  });
  const total = 2000;
  let next = 0;
  const publisher = async (): Promise<void> => {
    while (next < total) {
      const n = next++;
      const tx = await app.connect();
      await tx.query("BEGIN");
      await bus.publish(n, { channel: "orders", tx });
      await tx.query("COMMIT");
      tx.release();
    }
  };
  await Promise.all(Array.from({ length: 20 }, publisher));
  await waitFor("all messages", () => messages.length === total);
  expect(new Set(messages.map(({ data }) => data)).size).toBe(total);
  const commits = (): number =>
    wakeups.payloads.filter((payload) => payload.startsWith("commit")).length;
  expect(commits()).toBeLessThan(total / 4);

  // Now one at a time: the process that promised to poll stops, and each commit is notified again.
  let calm = 0;
  for (let n = 0; calm < 4; n++) {
    expect(n, "messages before single notifications returned").toBeLessThan(30);
    await sleep(100);
    await wakeups.catchUp();
    const before = commits();
    const tx = await app.connect();
    await tx.query("BEGIN");
    await bus.publish(`calm ${n}`, { channel: "orders", tx });
    await tx.query("COMMIT");
    tx.release();
    await waitFor("the message", () => messages.length === total + n + 1);
    await wakeups.catchUp();
    const announced = commits() - before;
    if (calm > 0) expect(announced).toBe(1);
    calm += announced;
  }
});

test("topics beyond the limit of a query all receive their messages, and closed ones receive none", async () => {
  const [bus, reader] = [await log.openBus(), await log.openBus()];
  const subscribers = Array.from({ length: 150 }, (_, n) =>
    subscribe(reader, { channel: `room/${n}` }),
  );
  const pattern = await subscribeLive(reader, { channel: "room/*" });
  const publishAll = async (data: string): Promise<void> => {
    await Promise.all(subscribers.map(async (_, n) => bus.publish(data, { channel: `room/${n}` })));
  };
  await publishAll("all");
  await waitFor(
    "all messages",
    () =>
      pattern.messages.length === 150 && subscribers.every(({ messages }) => messages.length === 1),
  );
  for (const subscriber of subscribers.slice(10)) subscriber.close();
  await publishAll("some");
  await waitFor("all messages", () => pattern.messages.length === 300);
  expect(subscribers.map(({ messages }) => messages.length)).toEqual(
    subscribers.map((_, n) => (n < 10 ? 2 : 1)),
  );
});

interface Notified extends AsyncDisposable {
  readonly payloads: readonly string[];
  /** Resolves when everything committed so far has arrived: a response follows earlier notifications. */
  catchUp(): Promise<void>;
}

/** Collects the notifications of a channel. */
async function listenTo(channel: string): Promise<Notified> {
  const client = new Client({ connectionString: server.url });
  await client.connect();
  const payloads: string[] = [];
  client.on("notification", ({ payload = "" }) => void payloads.push(payload));
  await client.query(`LISTEN ${channel}`);
  return {
    payloads,
    catchUp: async () => void (await client.query("SELECT 1")),
    [Symbol.asyncDispose]: async () => client.end(),
  };
}

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
