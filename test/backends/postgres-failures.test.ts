import { chown, rm, stat, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { Pool } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";

import { createBus } from "../../packages/sse-bus/src/index.ts";
import {
  migrate,
  migrationSql,
  postgresBackend,
} from "../../packages/sse-bus/src/postgres/index.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { runProcess } from "../support/processes.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { waitFor } from "../support/wait-for.ts";
import { subscribe, subscribeLive } from "./subscriber.ts";
import { createPostgresLog, type PostgresLog } from "./postgres-log.ts";

let server: PostgresServer;
let log: PostgresLog;
// Each test has its own schema, and leaves the server running.
beforeAll(async () => {
  server = await startPostgres();
});
beforeEach(async () => {
  await server.start();
  log = createPostgresLog(server, "pg");
});
afterEach(async () => log[Symbol.asyncDispose]());
afterAll(async () => server[Symbol.asyncDispose]());

test("a publish that timed out on a hung server is not stored when the server resumes", async () => {
  const backend = await log.connect({ timeoutMs: 1500, pollMs: 100 });
  const errors: Error[] = [];
  await using bus = createBus({ backend, onError: (error) => void errors.push(error) });
  const { messages, gaps } = subscribe(bus);
  await bus.publish("before", { channel: "orders" });
  await waitFor("the first message", () => messages.length === 1);

  log.proxyOf(backend).hang();
  const start = performance.now();
  const late = [1, 2, 3].map((n) => bus.publish(n, { channel: "orders" }));
  for (const { reason } of (await Promise.allSettled(late)) as PromiseRejectedResult[]) {
    expect(reason).toMatchObject({ name: "SseBusError", code: "BACKEND_UNAVAILABLE" });
  }
  expect(performance.now() - start).toBeLessThan(6000);
  await waitFor("the bus to detect it", () => bus.stats().status === "down");
  expect(errors).toMatchObject([{ code: "BACKEND_UNAVAILABLE" }]);

  // Now the server receives everything that was sent to it, including the publishes.
  await log.proxyOf(backend).mend();
  await waitFor("the bus to be up again", () => bus.stats().status === "up");
  await bus.publish("after", { channel: "orders" });
  await waitFor("the last message", () => messages.at(-1)?.data === "after");
  expect(messages.map(({ data }) => data)).toEqual(["before", "after"]);
  expect(gaps).toEqual([]);
  // They did arrive: the server rejected them as too late.
  const { rows } = await log.pool.query(`SELECT data FROM ${log.schema}.message ORDER BY seq`);
  expect(rows).toEqual([{ data: '"before"' }, { data: '"after"' }]);
});

test("a killed server has all acknowledged messages after its restart, and the log is the same", async () => {
  const [one, two] = [await log.openBus({ pollMs: 100 }), await log.openBus({ pollMs: 100 })];
  const { messages, gaps } = await subscribeLive(two);
  const stored: string[] = [];
  for (let round = 0; round < 3; round++) {
    let isKilled = false;
    const publishing = (async () => {
      for (let n = 0; !isKilled; n++) {
        const sent = Array.from({ length: 20 }, (_, i) => `${round} ${n} ${i}`);
        const results = await Promise.allSettled(
          sent.map(async (data) => one.publish(data, { channel: "orders" })),
        );
        stored.push(...sent.filter((_, i) => results[i]?.status === "fulfilled"));
      }
    })();
    await waitFor("some messages", () => messages.length > round * 100 + 100);
    await server.kill();
    isKilled = true;
    await publishing;
    await server.start();
    await waitFor("both to be up", () => [one, two].every((bus) => bus.stats().status === "up"));
  }
  await one.publish("last", { channel: "orders" });
  await waitFor("the last message", () => messages.at(-1)?.data === "last");
  const all = messages.map(({ data }) => data as string);
  expect(new Set(all).size).toBe(all.length);
  expect(all.filter((data) => stored.includes(data))).toEqual(stored);
  expect(gaps).toEqual([]);
});

test("connections ended by the server cause only a short outage, even without an error listener on the pool", async () => {
  const bus = await log.openBus({ pollMs: 100 });
  const { messages, gaps } = subscribe(bus);
  // Live before the first cut: a subscription requested in an outage may be rejected.
  await bus.publish("live", { channel: "orders" });
  await waitFor("the subscriber to be live", () => messages.length === 1);
  for (let round = 0; round < 30; round++) {
    await log.pool.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
    );
    await untilStored(() => bus.publish(round, { channel: "orders", id: `round ${round}` }));
    await waitFor("the message", () => messages.at(-1)?.data === round);
  }
  await waitFor("the bus to be up", () => bus.stats().status === "up");
  expect(messages.length).toBe(31);
  expect(gaps).toEqual([]);
});

test("a server that ends a new connection immediately does not crash the process", async () => {
  await using relay = await relayWithLastWords(server.port, 5);
  const url = server.url.replace(`:${server.port}/`, `:${relay.port}/`);
  await using pool = disposable(new Pool({ connectionString: url, max: 3 }));
  await using bus = createBus({
    backend: postgresBackend({ pool, schema: log.schema }),
    onError: () => {},
  });
  // An error event without a listener would fail the test run.
  await untilStored(() => bus.publish(1, { channel: "orders", id: "1" }));
  expect(relay.left).toBe(0);
});

test("a log that is reset to an older state is a new one, for open readers and for old cursors", async () => {
  const bus = await log.openBus({ pollMs: 100 });
  await bus.publish("kept", { channel: "orders" });
  const data = await dataFolder();
  await server.stop();
  await using copy = await copyOf(data);
  await server.start();
  const { messages, gaps } = subscribe(bus);
  await untilStored(() => bus.publish("lost", { channel: "orders", id: "lost" }));
  const lost = await waitFor("the message", () => messages[0]);

  await server.stop();
  await copy.restore();
  await server.start();
  await waitFor("a gap", () => gaps.length > 0);
  expect(gaps).toMatchObject([{ channels: ["orders"], reason: "restarted" }]);
  for (let n = 0; n < 5; n++)
    await untilStored(() => bus.publish(n, { channel: "orders", id: `${n}` }));
  await waitFor("the next message", () => messages.length === 7);
  expect(messages.map(({ data }) => data)).toEqual(["lost", "kept", 0, 1, 2, 3, 4]);
  const late = subscribe(bus, { after: lost.id });
  await waitFor("what is kept", () => late.messages.length === 6);
  expect(late.gaps).toMatchObject([{ reason: "restarted" }]);
});

test("a server promoted on another timeline has a new epoch, because it may lack delivered messages", async () => {
  const bus = await log.openBus({ pollMs: 100 });
  const { messages, gaps } = subscribe(bus);
  await bus.publish("before", { channel: "orders" });
  await waitFor("the message", () => messages.length === 1);
  const data = await dataFolder();
  await server.stop();
  // Recovery from an empty archive: the same state, but a new timeline, as after a failover.
  await writeFile(join(data, "postgresql.auto.conf"), "restore_command = '/bin/false'\n", {
    flag: "a",
  });
  await writeFile(join(data, "recovery.signal"), "");
  const { uid, gid } = await stat(data);
  await chown(join(data, "recovery.signal"), uid, gid);
  await server.start();
  await waitFor("a gap", () => gaps.length > 0);
  expect(gaps).toMatchObject([{ reason: "restarted" }]);
  const after = await untilStored(() => bus.publish("after", { channel: "orders", id: "after" }));
  expect(after.id.split(/[-@]/)[2]).not.toBe(messages[0]?.id.split(/[-@]/)[2]);
});

test("a log loaded from a dump is a new one, and messages pending in the dump are delivered", async () => {
  const bus = await log.openBus({ pollMs: 100 });
  const { messages } = subscribe(bus);
  await bus.publish("numbered", { channel: "orders" });
  await waitFor("the message", () => messages.length === 1);
  await bus.close();
  await log.pool.query(`SELECT ${log.schema}.publish('orders', '"waiting"')`);
  // Like `pg_restore --disable-triggers`: other tables of the same name, filled without triggers.
  await log.pool.query(`ALTER SCHEMA ${log.schema} RENAME TO dumped_${log.schema}`);
  await migrate(log.pool, { schema: log.schema });
  await log.pool.query(`
    BEGIN;
    SET LOCAL session_replication_role = replica;
    INSERT INTO ${log.schema}.message (entry, seq, time, channel, event, key, data, id) OVERRIDING SYSTEM VALUE
      SELECT entry, seq, time, channel, event, key, data, id FROM dumped_${log.schema}.message;
    DELETE FROM ${log.schema}.state;
    INSERT INTO ${log.schema}.state SELECT * FROM dumped_${log.schema}.state;
    COMMIT;
    DROP SCHEMA dumped_${log.schema} CASCADE;
  `);

  const next = await log.openBus({ pollMs: 100 });
  const late = subscribe(next, { after: messages[0]?.id as string });
  await waitFor("both messages", () => late.messages.length === 2);
  expect(late.messages.map(({ data }) => data)).toEqual(["numbered", "waiting"]);
  expect(late.gaps).toMatchObject([{ reason: "restarted" }]);
});

test("a truncated log is a new one, positions continue, and ids are forgotten", async () => {
  const bus = await log.openBus({ pollMs: 100 });
  const { messages, gaps } = subscribe(bus);
  const old = await bus.publish("old", { channel: "orders", id: "order 1" });
  await waitFor("the message", () => messages.length === 1);
  await log.pool.query(`TRUNCATE ${log.schema}.message`);
  await waitFor("a gap", () => gaps.length > 0);
  const fresh = await bus.publish("new", { channel: "orders", id: "order 1" });
  expect(fresh).not.toHaveProperty("duplicate");
  expect(Number.parseInt(fresh.id, 36)).toBeGreaterThan(Number.parseInt(old.id, 36));
  await waitFor("the new message", () => messages.at(-1)?.data === "new");
  expect(gaps).toMatchObject([{ reason: "restarted" }]);
});

test("messages deleted by hand are reported only to readers that have not read them", async () => {
  const bus = await log.openBus();
  const reader = subscribe(bus);
  const first = await bus.publish(0, { channel: "orders" });
  const other = await bus.publish(0, { channel: "others" });
  for (let n = 1; n <= 5; n++) await bus.publish(n, { channel: "orders" });
  await bus.publish(6, { channel: "orders", key: "k" });
  await bus.publish(7, { channel: "orders", key: "k" });
  await waitFor("all messages", () => reader.messages.length === 8);
  await log.pool.query(
    `DELETE FROM ${log.schema}.message WHERE channel = 'orders' AND data IN ('2', '3', '6')`,
  );

  const next = await log.openBus();
  const behind = subscribe(next, { after: first.id });
  await waitFor("the rest", () => behind.messages.at(-1)?.data === 7);
  expect(behind.gaps).toMatchObject([{ channels: ["orders"], reason: "evicted" }]);
  // The key `k` has a newer message, so nothing is missed after the fifth.
  const fifth = reader.messages.find(({ data }) => data === 5);
  const near = subscribe(next, { after: fifth?.id as string });
  const elsewhere = subscribe(next, { channel: "others", after: other.id });
  await next.publish(8, { channel: "orders" });
  await next.publish(8, { channel: "others" });
  await waitFor(
    "new messages",
    () => near.messages.length === 2 && elsewhere.messages.length === 1,
  );
  expect([near.gaps, elsewhere.gaps, reader.gaps]).toEqual([[], [], []]);
});

test("a schema dropped under a running bus is created again, if migrations are allowed", async () => {
  const [bus, strict] = [
    await log.openBus({ pollMs: 100 }),
    await log.openBus({ pollMs: 100, migrate: false }),
  ];
  const { messages, gaps } = subscribe(bus);
  await bus.publish("old", { channel: "orders" });
  await waitFor("the message", () => messages.length === 1);
  await log.pool.query(`DROP SCHEMA ${log.schema} CASCADE`);
  await waitFor("a gap", () => gaps.length > 0);
  await bus.publish("new", { channel: "orders" });
  await waitFor("the new message", () => messages.at(-1)?.data === "new");
  await waitFor("the other bus to be up", () => strict.stats().status === "up");
  await strict.publish("newer", { channel: "orders" });
  await waitFor("its message", () => messages.at(-1)?.data === "newer");
});

test("without permission to migrate, the error says what to run, and the bus works after that", async () => {
  await using pool = disposable(new Pool({ connectionString: server.url }));
  const open = async (schema: string) => {
    await using bus = createBus({ backend: postgresBackend({ pool, schema, migrate: false }) });
    await bus.publish(1);
  };
  await expect(open(log.schema)).rejects.toMatchObject({ code: "BACKEND_NOT_MIGRATED" });
  await Promise.all([1, 2, 3].map(async () => migrate(pool, { schema: log.schema })));
  await open(log.schema);
  // As in a migration tool, which adds a transaction; and a second time.
  await pool.query(`BEGIN; ${migrationSql({ schema: log.schema })} COMMIT`);
  await open(log.schema);
  await pool.query(`UPDATE ${log.schema}.state SET version = 99`);
  await expect(open(log.schema)).rejects.toMatchObject({
    code: "BACKEND_NOT_MIGRATED",
    message: expect.stringContaining("99"),
  });
});

test("a role without permission to create gets an error, and one with the documented permissions can do all that a bus does", async () => {
  const role = `app_${log.schema}`;
  await log.pool.query(`CREATE ROLE ${role} LOGIN`);
  const url = server.url.replace("postgres@", `${role}@`);
  await using pool = disposable(new Pool({ connectionString: url }));
  const backend = () => postgresBackend({ pool, schema: log.schema, retentionMs: 50, liveMs: 1 });
  await using refused = createBus({ backend: backend() });
  await expect(refused.publish(1)).rejects.toMatchObject({
    code: "BACKEND_UNAVAILABLE",
    message: expect.stringContaining("permission denied"),
  });
  await migrate(log.pool, { schema: log.schema });
  await log.pool.query(`
    GRANT USAGE ON SCHEMA ${log.schema} TO ${role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${log.schema} TO ${role};
    GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA ${log.schema} TO ${role};
  `);
  const errors: Error[] = [];
  const onError = (error: Error): void => void errors.push(error);
  await using bus = createBus({ backend: backend(), onError });
  const { messages } = subscribe(bus);
  const tx = await pool.connect();
  await tx.query("BEGIN");
  for (let n = 0; n < 50; n++)
    await bus.publish(n, { channel: "orders", id: `${n}`, key: `${n % 3}`, tx });
  await tx.query("COMMIT");
  tx.release();
  await bus.publish("last", { channel: "orders" });
  await waitFor("the messages", () => messages.length === 51);
  // Only now: before, it could delete messages that a busy machine had not delivered yet. And with two limits
  // the bus that checks a channel first decides when it is checked again.
  await bus.close();
  await using keepsOne = createBus({ backend: backend(), history: { maxMessages: 1 }, onError });
  await keepsOne.publish("after", { channel: "orders" });
  await waitFor("retention", async () => {
    const { rows } = await log.pool.query(`SELECT FROM ${log.schema}.message`);
    return rows.length < 10;
  });
  expect(errors).toEqual([]);
});

test("a pool with another default isolation is rejected with the fix", async () => {
  await migrate(log.pool, { schema: log.schema });
  const options = "-c default_transaction_isolation=serializable";
  await using pool = disposable(new Pool({ connectionString: server.url, options }));
  await using bus = createBus({ backend: postgresBackend({ pool, schema: log.schema }) });
  await expect(bus.publish(1)).rejects.toMatchObject({
    code: "BACKEND_UNAVAILABLE",
    message: expect.stringContaining("READ COMMITTED"),
  });
});

/** Forwards everything; the first connections get the server's shutdown error together with its greeting. */
async function relayWithLastWords(
  targetPort: number,
  times: number,
): Promise<{ port: number; left: number } & AsyncDisposable> {
  const fields = ["SFATAL", "VFATAL", "C57P01", "Mterminating connection", ""];
  const body = Buffer.from(fields.map((field) => `${field}\0`).join(""));
  const head = Buffer.from("E\0\0\0\0");
  head.writeInt32BE(body.length + 4, 1);
  const sockets = new Set<Socket>();
  const relay = createServer((inner) => {
    const outer = connect(targetPort, "127.0.0.1");
    let isGreeted = false;
    for (const socket of [inner, outer]) sockets.add(socket.on("error", () => {}));
    inner.on("data", (bytes) => outer.write(bytes)).on("close", () => outer.destroy());
    outer.on("close", () => inner.destroy());
    outer.on("data", (bytes) => {
      // A greeting ends with ReadyForQuery: Z, a length of 5, idle.
      const greets = !isGreeted && bytes.subarray(-6).equals(Buffer.from("Z\0\0\0\x05I"));
      isGreeted ||= greets;
      if (!greets || state.left === 0) return inner.write(bytes);
      state.left--;
      return inner.end(Buffer.concat([bytes, head, body]));
    });
  });
  relay.listen(0, "127.0.0.1");
  await once(relay, "listening");
  const state = {
    port: (relay.address() as AddressInfo).port,
    left: times,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      relay.close();
    },
  };
  return state;
}

/** Retries while the server is down. */
async function untilStored<T>(publish: () => Promise<T>): Promise<NonNullable<T>> {
  return waitFor("the server to accept it", publish);
}

/** The folder of the server's data. The server must be running. */
async function dataFolder(): Promise<string> {
  const { rows } = await log.pool.query<{ data_directory: string }>("SHOW data_directory");
  return rows[0]?.data_directory as string;
}

interface FolderCopy extends AsyncDisposable {
  /** Restores the folder. */
  restore(): Promise<void>;
}

async function copyOf(folder: string): Promise<FolderCopy> {
  const temp = await tempFolder("postgres-copy");
  const copy = join(temp.path, "data");
  // Not `fs.cp`, which would not keep the owner: PostgreSQL starts only on its own user's data.
  await runProcess("cp", ["-a", folder, copy]);
  return {
    async restore() {
      await rm(folder, { recursive: true });
      await runProcess("cp", ["-a", copy, folder]);
    },
    [Symbol.asyncDispose]: async () => temp[Symbol.asyncDispose](),
  };
}

function disposable(pool: Pool): Pool & AsyncDisposable {
  return Object.assign(pool, { [Symbol.asyncDispose]: async () => pool.end() });
}

test("a row whose data is not JSON is reported and omitted, live and in history", async () => {
  const bus = await log.openBus();
  const start = await bus.cursor();
  const live = await subscribeLive(bus);
  await bus.publish(1, { channel: "orders" });
  const { schema } = log;
  await log.pool.query(
    `INSERT INTO ${schema}.message (seq, time, channel, event, data)
     SELECT seq + 1, time, channel, event, '{' FROM ${schema}.message ORDER BY seq DESC LIMIT 1`,
  );
  // Positions come from a sequence or a head: the next one must follow the row.
  await bus.publish(2, { channel: "orders" }).catch(() => bus.publish(2, { channel: "orders" }));
  await waitFor("the second message", () => live.messages.at(-1)?.data === 2);
  const late = subscribe(bus, { after: start });
  await waitFor("history", () => late.messages.at(-1)?.data === 2);
  expect(late.messages.map(({ data }) => data)).toEqual([1, 2]);
  expect(bus.errors.length).toBeGreaterThan(0);
  for (const error of bus.errors) expect(error).toMatchObject({ code: "INVALID_DATA" });
});
