import { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { waitFor } from "../support/wait-for.ts";
import { createPostgresLog, type PostgresLog } from "./postgres-log.ts";
import { subscribeLive } from "./subscriber.ts";

let server: PostgresServer;
let log: PostgresLog;
beforeAll(async () => {
  server = await startPostgres();
});
beforeEach(() => {
  log = createPostgresLog(server, "pg");
});
afterEach(async () => log[Symbol.asyncDispose]());
afterAll(async () => server[Symbol.asyncDispose]());

/** What the session of a process that SIGSTOP pauses in the middle of a publish does. */
const pauses = {
  "before it has sent the end of its request": (client: Client, statement: string): void => {
    const { connection } = client as unknown as { connection: ProtocolConnection };
    connection.parse({ text: statement, name: "" });
    connection.bind({ values: [] });
    connection.execute({});
    connection.flush();
  },
  "before it has read its answer": (client: Client, statement: string): void => {
    const { connection } = client as unknown as { connection: ProtocolConnection };
    // More than the buffers of a connection hold.
    client.query(`${statement}, generate_series(1, 50), repeat('x', 1000000)`).catch(() => {});
    connection.stream.pause();
  },
};

interface ProtocolConnection {
  readonly stream: { pause(): void; destroy(): void };
  parse(query: { text: string; name: string }): void;
  bind(config: { values: unknown[] }): void;
  execute(config: object): void;
  flush(): void;
}

test.each(Object.entries(pauses))(
  "a process that is paused in the middle of a publish, %s, keeps nobody waiting",
  async (_, pause) => {
    const bus = await log.openBus();
    const { messages } = await subscribeLive(bus);
    const paused = new Client({ connectionString: server.url });
    paused.on("error", () => {});
    await paused.connect();
    try {
      const entries = `[{"channel": "orders", "event": "message", "data": "0"}]`;
      pause(paused, `SELECT * FROM ${log.schema}.store(${Date.now() + 30_000}, 0, '${entries}')`);
      await waitFor("the paused process to hold the lock", async () => {
        const { rows } = await log.pool.query(
          `SELECT FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
            WHERE l.locktype = 'advisory' AND l.granted AND a.wait_event_type = 'Client'`,
        );
        return rows.length === 1;
      });
      const start = performance.now();
      const published = [1, 2, 3].map(async (data) => bus.publish(data, { channel: "orders" }));
      await Promise.all(published);
      expect(performance.now() - start).toBeLessThan(3000);
      await waitFor("the messages", () => messages.length === 3);
      // What the paused process had not committed is not stored.
      expect(messages.map(({ data }) => data)).toEqual([1, 2, 3]);
      expect(bus.errors).toEqual([]);
    } finally {
      (paused as unknown as { connection: ProtocolConnection }).connection.stream.destroy();
    }
  },
);

test("a process that waits for its turn does not end one that is only slow", async () => {
  const bus = await log.openBus();
  await bus.publish(0, { channel: "orders" });
  const slow = await log.pool.connect();
  try {
    const deadline = Date.now() + 60_000;
    const text = `SELECT ${log.schema}.lock(${deadline}), pg_sleep(1.8)`;
    const working = slow.query(text);
    await waitFor("it to hold the lock", async () => {
      const { rows } = await log.pool.query(
        "SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted",
      );
      return rows.length === 1;
    });
    await Promise.all([bus.publish(1, { channel: "orders" }), working]);
    expect(bus.errors).toEqual([]);
  } finally {
    slow.release();
  }
});
