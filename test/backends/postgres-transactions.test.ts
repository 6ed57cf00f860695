import { Pool, type PoolClient } from "pg";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import type { Message } from "../../packages/sse-bus/src/index.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { waitFor } from "../support/wait-for.ts";
import { subscribe, subscribeLive } from "./subscriber.ts";
import { createPostgresLog, type PostgresLog } from "./postgres-log.ts";

let server: PostgresServer;
let log: PostgresLog;
beforeAll(async () => {
  server = await startPostgres({ settings: { max_connections: 300 } });
});
afterAll(async () => server[Symbol.asyncDispose]());
beforeEach(async () => {
  log = createPostgresLog(server, "pg");
});
afterEach(async () => log[Symbol.asyncDispose]());

describe("a message published in a transaction", () => {
  test("of 200 transactions, half rolled back: readers receive exactly the committed ones, and no position is skipped", async () => {
    // A busy machine serves two hundred sessions slowly.
    const settings = { timeoutMs: 30_000 };
    const [one, two] = [await log.openBus(settings), await log.openBus(settings)];
    const readers = [await subscribeLive(one), await subscribeLive(two)];
    await using app = appPool(200);
    await app.query("CREATE TABLE IF NOT EXISTS orders (n integer PRIMARY KEY)");
    await app.query("TRUNCATE orders");
    const cursor = await one.cursor();
    let direct = 0;

    await Promise.all(
      Array.from({ length: 200 }, async (_, n) => {
        const bus = n % 3 === 0 ? one : two;
        await inTransaction(app, n % 2 === 0 ? "COMMIT" : "ROLLBACK", async (tx) => {
          const isEarly = Math.random() < 0.5;
          if (isEarly) await bus.publish(n, { channel: "orders", tx });
          await sleep(Math.random() * 150);
          await tx.query("INSERT INTO orders VALUES ($1)", [n]);
          if (!isEarly) await bus.publish(n, { channel: "orders", tx });
          await sleep(Math.random() * 150);
        });
        // Others publish without a transaction, so that positions move all the time.
        if (n % 4 === 0) await bus.publish(`direct ${direct++}`, { channel: "orders" });
      }),
    );

    const { rows } = await app.query<{ n: number }>("SELECT n FROM orders ORDER BY n");
    expect(rows.length).toBe(100);
    const expected = [
      ...rows.map(({ n }) => n),
      ...Array.from({ length: direct }, (_, n) => `direct ${n}`),
    ];
    const late = subscribe(two, { after: cursor });
    for (const { messages } of [...readers, late]) {
      await waitFor("all the committed messages", () => messages.length >= expected.length);
    }
    // One after all of them: a message still missing would have come before it.
    await one.publish("last", { channel: "orders" });
    for (const { messages, gaps } of [...readers, late]) {
      await waitFor("the last message", () => messages.at(-1)?.data === "last");
      expect(messages.map(({ data }) => data).toSorted(byText)).toEqual(
        [...expected, "last"].toSorted(byText),
      );
      expect(messages.map(({ id }) => id)).toEqual(readers[0]?.messages.map(({ id }) => id));
      expect(positions(messages)).toEqual(positions(messages).toSorted((a, b) => a - b));
      expect(gaps).toEqual([]);
    }
  });

  test("gets its position in the order of commits, not of publishes, even without a check in between", async () => {
    const bus = await log.openBus();
    const { messages } = subscribe(bus);
    await using app = appPool(3);
    // While this lock is held, no process can assign positions.
    const holder = await app.connect();
    await holder.query("BEGIN");
    await holder.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [
      `${log.schema}.positions`,
    ]);
    await inTransaction(app, "COMMIT", async (first) => {
      await bus.publish("published first, committed last", { channel: "orders", tx: first });
      await inTransaction(app, "COMMIT", async (second) => {
        await bus.publish("published last, committed first", { channel: "orders", tx: second });
      });
    });
    expect(messages).toEqual([]);
    await holder.query("COMMIT");
    holder.release();
    await waitFor("both messages", () => messages.length === 2);
    expect(messages.map(({ data }) => data)).toEqual([
      "published last, committed first",
      "published first, committed last",
    ]);
  });

  test("comes after that of a transaction whose lock it waited for, although it was published earlier", async () => {
    const bus = await log.openBus();
    const { messages } = subscribe(bus);
    await using app = appPool(4);
    await app.query("CREATE TABLE IF NOT EXISTS stock (id integer PRIMARY KEY, n integer)");
    await app.query("INSERT INTO stock VALUES (1, 0) ON CONFLICT (id) DO UPDATE SET n = 0");
    for (let round = 1; round <= 20; round++) {
      const second = await app.connect();
      await second.query("BEGIN");
      await bus.publish({ round, by: "second" }, { channel: "orders", tx: second });
      const first = await app.connect();
      await first.query("BEGIN");
      await first.query("UPDATE stock SET n = n + 1");
      await bus.publish({ round, by: "first" }, { channel: "orders", tx: first });
      // It waits for the row, then commits.
      const waiting = second
        .query("UPDATE stock SET n = n + 1")
        .then(async () => second.query("COMMIT"));
      await first.query("COMMIT");
      await waiting;
      first.release();
      second.release();
    }
    await waitFor("all messages", () => messages.length === 40);
    expect(messages.map(({ data }) => data)).toEqual(
      Array.from({ length: 20 }, (_, n) => [
        { round: n + 1, by: "first" },
        { round: n + 1, by: "second" },
      ]).flat(),
    );
  });

  test("is counted as pending, is not delivered before the commit, and precedes what is published after it", async () => {
    const bus = await log.openBus();
    const { messages } = subscribe(bus);
    await using app = appPool(1);
    await inTransaction(app, "COMMIT", async (tx) => {
      const published = await bus.publish({ status: "paid" }, { channel: "orders", key: "42", tx });
      expect(published).toEqual({
        pending: true,
        channel: "orders",
        event: "message",
        data: { status: "paid" },
        key: "42",
      });
      await bus.publish("meanwhile", { channel: "orders" });
      await waitFor("what others publish", () => messages.length === 1);
    });
    await bus.publish("afterwards", { channel: "orders" });
    await waitFor("all messages", () => messages.length === 3);
    expect(messages.map(({ data }) => data)).toEqual([
      "meanwhile",
      { status: "paid" },
      "afterwards",
    ]);
    expect(messages[1]).toMatchObject({ key: "42", event: "message", channel: "orders" });
  });

  test("is removed when the transaction or its savepoint is rolled back, or when its connection is lost", async () => {
    const bus = await log.openBus();
    const { messages } = subscribe(bus);
    await using app = appPool(2);
    await inTransaction(app, "ROLLBACK", async (tx) => {
      await bus.publish("rolled back", { channel: "orders", tx });
    });
    await inTransaction(app, "COMMIT", async (tx) => {
      await bus.publish("kept", { channel: "orders", tx });
      await tx.query("SAVEPOINT s");
      await bus.publish("rolled back with its savepoint", { channel: "orders", tx });
      await tx.query("ROLLBACK TO SAVEPOINT s");
      await bus.publish("kept as well", { channel: "orders", tx });
    });
    const lost = await app.connect();
    lost.on("error", () => {});
    await lost.query("BEGIN");
    await bus.publish("lost", { channel: "orders", tx: lost });
    const ended = new Promise((resolve) => lost.once("end", resolve));
    await app.query("SELECT pg_terminate_backend($1)", [
      (lost as unknown as { processID: number }).processID,
    ]);
    await ended;
    lost.release(true);
    await bus.publish("last", { channel: "orders" });
    await waitFor("the last message", () => messages.at(-1)?.data === "last");
    expect(messages.map(({ data }) => data)).toEqual(["kept", "kept as well", "last"]);
  });

  test("in a transaction that stays open delays no other message", async () => {
    const bus = await log.openBus();
    const { messages } = subscribe(bus);
    await using app = appPool(2);
    const open = await app.connect();
    await open.query("BEGIN");
    await bus.publish("long", { channel: "orders", tx: open });
    const took: number[] = [];
    for (let n = 0; n < 50; n++) {
      const start = performance.now();
      if (n % 2 === 0) await bus.publish(n, { channel: "orders" });
      else
        await inTransaction(
          app,
          "COMMIT",
          async (tx) => void (await bus.publish(n, { channel: "orders", tx })),
        );
      await waitFor("the message", () => messages.at(-1)?.data === n, { everyMs: 1 });
      took.push(performance.now() - start);
    }
    // Polling each second would take half a second.
    expect(took.toSorted((a, b) => a - b).at(25)).toBeLessThan(400);
    await open.query("COMMIT");
    open.release();
    await waitFor("the long one", () => messages.at(-1)?.data === "long");
    expect(messages.length).toBe(51);
  });

  test("is delivered by another process if its own ends with the commit", async () => {
    const [reader, bus] = [await log.openBus(), await log.openBus()];
    const { messages } = await subscribeLive(reader);
    await using app = appPool(1);
    const tx = await app.connect();
    await tx.query("BEGIN");
    await bus.publish("left behind", { channel: "orders", tx });
    await bus.close();
    await tx.query("COMMIT");
    tx.release();
    await waitFor("the message", () => messages.length === 1);
  });

  test("gets its position from its own process before that closes, if there is no other", async () => {
    const bus = await log.openBus();
    await using app = appPool(1);
    await inTransaction(
      app,
      "COMMIT",
      async (tx) => void (await bus.publish(1, { channel: "orders", tx })),
    );
    await bus.close();
    const { rows } = await app.query(`SELECT seq::text FROM ${log.schema}.message`);
    expect(rows).toEqual([{ seq: "1" }]);
  });

  test("stays in the tables while no process runs, and is delivered when one starts", async () => {
    await (await log.openBus()).close();
    await using app = appPool(1);
    await app.query(`SELECT ${log.schema}.publish('orders', '{"from": "SQL"}')`);
    const bus = await log.openBus();
    const { messages } = subscribe(bus, { after: (await bus.cursor()).replace(/^\w+/, "0") });
    await waitFor("the message", () => messages.length === 1);
    expect(messages[0]?.data).toEqual({ from: "SQL" });
  });

  test("can be published from SQL, for example by a trigger, and becomes one line", async () => {
    const bus = await log.openBus();
    // Unlike the bus's own publishes, SQL waits for no subscriber.
    const { messages } = subscribe(bus, { channel: "**", after: await bus.cursor() });
    await using app = appPool(1);
    await app.query(`
      CREATE TABLE IF NOT EXISTS ${log.schema}.price (id text, cents integer);
      CREATE FUNCTION ${log.schema}.price_changed() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM ${log.schema}.publish('prices/' || NEW.id, jsonb_build_object('cents', NEW.cents), key => NEW.id);
        RETURN NULL;
      END $$;
      CREATE TRIGGER price_changed AFTER INSERT ON ${log.schema}.price
        FOR EACH ROW EXECUTE FUNCTION ${log.schema}.price_changed();
      INSERT INTO ${log.schema}.price VALUES ('tea', 250), ('milk', 120);
      SELECT ${log.schema}.publish('notes', E'{\\n  "text": "two\\\\nlines"\\n}', event => 'note');
    `);
    await waitFor("three messages", () => messages.length === 3);
    expect(
      messages.map(({ channel, event, key, data }) => ({ channel, event, key, data })),
    ).toEqual([
      { channel: "prices/tea", event: "message", key: "tea", data: { cents: 250 } },
      { channel: "prices/milk", event: "message", key: "milk", data: { cents: 120 } },
      { channel: "notes", event: "note", key: undefined, data: { text: "two\nlines" } },
    ]);
    for (const bad of [
      `('no spaces', '1')`,
      `('a', '1', 'ping')`,
      `('a', '1', E'x\\ny')`,
      `('a', NULL)`,
    ]) {
      await expect(app.query(`SELECT ${log.schema}.publish${bad}`)).rejects.toThrow(/violates/);
    }
    for (const event of ["error", "open"]) {
      for (const call of ["publish('a', '1'", "publish_raw('a', '1'"]) {
        const refused = app.query(`SELECT ${log.schema}.${call}, event => '${event}')`);
        await expect(refused).rejects.toThrow(`The event must not be "${event}"`);
      }
    }
  });

  test("an event named error that an older version has stored is still delivered", async () => {
    const bus = await log.openBus();
    const { messages } = await subscribeLive(bus);
    await using app = appPool(1);
    await app.query(
      `INSERT INTO ${log.schema}.message (channel, event, data) VALUES ('orders', 'error', '1')`,
    );
    await waitFor("it", () => messages.length === 1);
    expect(messages[0]).toMatchObject({ event: "error", data: 1 });
  });
});

describe("raw data", () => {
  test("is delivered unchanged from a transaction and from SQL, and JSON next to it stays JSON", async () => {
    const bus = await log.openBus();
    const subscriber = await subscribeLive(bus);
    await using app = appPool(1);
    await inTransaction(app, "COMMIT", async (tx) => {
      await bus.publish('raw "<li>"', { channel: "orders", tx });
      await bus.publish('raw "<li>\n</li>"', { channel: "orders", raw: true, tx });
    });
    await app.query(
      `SELECT ${log.schema}.publish_raw('orders', E'<b>"1"\\r\\n\\\\</b>\\r', event => 'row', key => 'k', id => 'once')`,
    );
    await app.query(`SELECT ${log.schema}.publish_raw('orders', 'again', id => 'once')`);
    await app.query(`SELECT ${log.schema}.publish('orders', '"raw"')`);
    const expected = ['raw "<li>"', 'raw "<li>\n</li>"', '<b>"1"\n\\</b>\n', "raw"];
    await waitFor("all of it", () => subscriber.messages.length === expected.length);
    expect(subscriber.messages.map(({ data }) => data)).toEqual(expected);
    expect(subscriber.messages.map(({ id }) => id.endsWith("@raw"))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(subscriber.messages[2]).toMatchObject({ event: "row", key: "k" });
  });
});

describe("an idempotency id in a transaction", () => {
  test("is stored once however it is published, and resolves to the first position once there is one", async () => {
    const bus = await log.openBus();
    const { messages } = subscribe(bus);
    await using app = appPool(2);
    const publishIn = (tx: PoolClient) =>
      bus.publish("paid", { channel: "orders", id: "order 42", tx });
    await inTransaction(app, "COMMIT", async (tx) => {
      expect(await publishIn(tx)).toMatchObject({ pending: true });
      expect(await publishIn(tx)).toMatchObject({ pending: true, duplicate: true });
    });
    const message = await waitFor("the message", () => messages[0]);
    const again = await bus.publish("paid", { channel: "orders", id: "order 42" });
    expect(again).toMatchObject({ id: message.id, duplicate: true });
    await inTransaction(app, "COMMIT", async (tx) => {
      expect(await publishIn(tx)).toMatchObject({
        id: message.id,
        time: message.time,
        duplicate: true,
      });
    });
    await bus.publish("last", { channel: "orders" });
    await waitFor("the last message", () => messages.at(-1)?.data === "last");
    expect(messages.map(({ data }) => data)).toEqual(["paid", "last"]);
  });

  test("is free again after a rollback; only a publish with the same id waits for that", async () => {
    const bus = await log.openBus();
    const { messages } = subscribe(bus);
    await using app = appPool(1);
    const tx = await app.connect();
    await tx.query("BEGIN");
    await bus.publish("undone", { channel: "orders", id: "order 43", tx });
    const repeat = bus.publish("done", { channel: "orders", id: "order 43" });
    const other = await log.openBus();
    await other.publish("not delayed", { channel: "orders", id: "order 44" });
    await waitFor("the other one", () => messages.length === 1);
    await tx.query("ROLLBACK");
    tx.release();
    expect(await repeat).not.toHaveProperty("duplicate");
    await waitFor("the repeated one", () => messages.length === 2);
    expect(messages.map(({ data }) => data)).toEqual(["not delayed", "done"]);
  });
});

describe("the `transaction` option accepts", () => {
  test("the `sql` of Postgres.js inside `begin`, committed and rolled back", async () => {
    const bus = await log.openBus();
    const { messages } = subscribe(bus);
    const sql = postgres(server.url, { max: 1, fetch_types: false });
    await sql.begin(async (tx) => {
      await tx`SELECT 1`;
      expect(await bus.publish("kept", { channel: "orders", tx })).toMatchObject({ pending: true });
    });
    const undone = sql.begin(async (tx) => {
      await bus.publish("undone", { channel: "orders", tx });
      throw new Error("roll back");
    });
    await expect(undone).rejects.toThrow("roll back");
    await expect(bus.publish("outside", { channel: "orders", tx: sql })).rejects.toMatchObject({
      code: "INVALID_OPTION",
    });
    await sql.end();
    await bus.publish("last", { channel: "orders" });
    await waitFor("the last message", () => messages.at(-1)?.data === "last");
    expect(messages.map(({ data }) => data)).toEqual(["kept", "last"]);
  });

  test("a function that runs a statement, for any other library", async () => {
    const bus = await log.openBus();
    const { messages } = subscribe(bus);
    await using app = appPool(1);
    await inTransaction(app, "COMMIT", async (client) => {
      const tx = async (text: string, values: (string | null)[]) =>
        (await client.query<object>(text, values)).rows;
      expect(await bus.publish("kept", { channel: "orders", tx })).toMatchObject({ pending: true });
    });
    await waitFor("the message", () => messages.length === 1);
  });

  test("neither a pool nor undefined, which would publish the message outside the transaction", async () => {
    const bus = await log.openBus();
    const { messages } = subscribe(bus);
    await using app = appPool(1);
    for (const tx of [app, null, {}, "BEGIN", 1]) {
      await expect(bus.publish("alone", { channel: "orders", tx })).rejects.toMatchObject({
        name: "SseBusError",
        code: "INVALID_OPTION",
      });
    }
    await bus.publish("last", { channel: "orders" });
    await waitFor("the last message", () => messages.length === 1);
  });

  test("a serializable one, whose conflicts reach the caller as the client throws them", async () => {
    const bus = await log.openBus();
    const { messages } = subscribe(bus);
    await using app = appPool(2);
    await app.query("CREATE TABLE IF NOT EXISTS seats (n integer)");
    await app.query("TRUNCATE seats");
    const [one, two] = [await app.connect(), await app.connect()];
    for (const tx of [one, two]) {
      await tx.query("BEGIN ISOLATION LEVEL SERIALIZABLE");
      await tx.query("SELECT count(*) FROM seats");
    }
    await bus.publish("one", { channel: "orders", id: "seat", tx: one });
    await one.query("INSERT INTO seats VALUES (1)");
    await two.query("INSERT INTO seats VALUES (2)");
    await one.query("COMMIT");
    // Committed after this one's snapshot: only a retry can succeed, as 40001 says.
    const conflict = bus.publish("two", { channel: "orders", id: "seat", tx: two });
    await expect(conflict).rejects.toMatchObject({ code: "40001" });
    await two.query("ROLLBACK");
    one.release();
    two.release();
    await bus.publish("last", { channel: "orders" });
    await waitFor("the last message", () => messages.at(-1)?.data === "last");
    expect(messages.map(({ data }) => data)).toEqual(["one", "last"]);
  });
});

/** The app's own connections. */
function appPool(max: number): Pool & AsyncDisposable {
  const pool = new Pool({ connectionString: server.url, max });
  pool.on("error", () => {});
  return Object.assign(pool, { [Symbol.asyncDispose]: async () => pool.end() });
}

async function inTransaction(
  pool: Pool,
  end: "COMMIT" | "ROLLBACK",
  run: (tx: PoolClient) => Promise<void>,
): Promise<void> {
  const tx = await pool.connect();
  try {
    await tx.query("BEGIN");
    await run(tx);
    await tx.query(end);
  } finally {
    tx.release();
  }
}

function positions(messages: readonly Message[]): number[] {
  return messages.map(({ id }) => Number.parseInt(id, 36));
}

function byText(a: unknown, b: unknown): number {
  return String(a) < String(b) ? -1 : 1;
}

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
