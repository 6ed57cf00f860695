import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createBus, type Published } from "../../packages/sse-bus/src/index.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { waitFor } from "../support/wait-for.ts";
import { createPostgresLog } from "./postgres-log.ts";
import { connectAdmin, openBus, seqOf } from "./redis-helpers.ts";
import { createRedisLog, makeClient } from "./redis-log.ts";
import { subscribe } from "./subscriber.ts";

// What the conformance suite cannot make a server do in the middle of a batch.

describe("Redis", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  test.each([
    { what: "is of another type", command: "SET", args: ["x"] },
    { what: "has later entries of another program", command: "XADD", args: ["9999-0", "t", "1"] },
  ])(
    "a batch with a channel whose key $what stores nothing, and other publishes continue",
    async ({ command, args }) => {
      await using log = createRedisLog(server, makeClient.redis);
      await using bus = openBus(await log.connect());
      await using admin = await connectAdmin(server.port);
      const { ids, gaps } = subscribe(bus, { channel: "**", after: await bus.cursor() });
      const before = await bus.publishMany(batch("good", "bad"));
      const key = `{${log.prefix}}:log:bad`;
      await admin.command([command, key, ...args]);
      const results = await Promise.allSettled([
        bus.publish(1, { channel: "good" }),
        bus.publishMany(batch("good", "new", "bad", "good")),
        bus.publish(2, { channel: "good" }),
      ]);
      expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
      expect(results[1]).toMatchObject({ reason: { code: "BACKEND_UNAVAILABLE" } });
      await admin.command(["DEL", key]);
      const after = await bus.publishMany(batch("new", "bad", "good"));
      const sent = [...before, valueOf(results[0]), valueOf(results[2]), ...after];
      await waitFor("all messages", () => ids.length >= sent.length);
      expect(ids).toEqual(sent.map(({ id }) => id));
      expect(sent.map(({ id }) => seqOf(id))).toEqual(
        sent.map(({ id }) => seqOf(id)).toSorted((a, b) => a - b),
      );
      expect(gaps).toEqual([]);
    },
  );

  test("a batch takes one script call, and 256 publishes at once take a few", async () => {
    await using log = createRedisLog(server, makeClient.redis);
    await using bus = openBus(await log.connect({ markMs: 60_000 }));
    await using admin = await connectAdmin(server.port);
    const scriptCalls = async (): Promise<number> =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await admin.commandStats())?.[1]);
    await bus.publish(0, { channel: "a" });
    const before = await scriptCalls();
    await bus.publishMany(Array.from({ length: 1000 }, (_, data) => ({ channel: "a", data })));
    expect((await scriptCalls()) - before).toBe(1);
    await Promise.all(Array.from({ length: 256 }, (_, n) => bus.publish(n, { channel: "a" })));
    expect((await scriptCalls()) - before).toBeLessThanOrEqual(1 + 5);
  });

  test("a history shorter than the batch keeps its newest messages, and the newest of each key", async () => {
    await using log = createRedisLog(server, makeClient.redis);
    const history = { maxMessages: 5 };
    await using bus = createBus({ backend: await log.connect(), history });
    await using reader = createBus({ backend: await log.connect(), history });
    const start = await bus.cursor();
    const sent = await bus.publishMany(
      Array.from({ length: 300 }, (_, n) => ({
        channel: "a",
        data: n,
        ...(n % 3 === 0 && { key: `k${n % 2}` }),
      })),
    );
    const late = subscribe(reader, { channel: "a", after: start });
    await waitFor("what is kept", () => late.ids.at(-1) === sent.at(-1)?.id);
    expect(late.ids).toEqual(sent.slice(-5).map(({ id }) => id));
    expect(late.gaps).toHaveLength(1);
  });
});

describe("Postgres", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  test("a batch with an id that an open transaction holds waits as a whole, and others do not wait", async () => {
    await using log = createPostgresLog(server, "pg");
    const bus = await log.openBus();
    const { ids } = subscribe(bus, { channel: "**", after: await bus.cursor() });
    await using tx = await begin(server);
    await bus.publish("held", { channel: "a", id: "held", tx: tx.client });
    let isStored = false;
    const waiting = bus.publishMany([
      { channel: "a", data: 1, id: "free" },
      { channel: "a", data: 2, id: "held" },
      { channel: "a", data: 3 },
    ]);
    void waiting.then(() => (isStored = true));
    const free = await bus.publishMany(batch("a", "b"));
    await waitFor("the free batch", () => ids.length === 2);
    expect(isStored).toBe(false);
    await tx.client.query("COMMIT");
    const stored = await waiting;
    expect(stored.map(({ duplicate = false }) => duplicate)).toEqual([false, true, false]);
    await waitFor("all", () => ids.length === 5);
    const own = [...free, stored[1], stored[0], stored[2]].map((one) => one?.id);
    expect(ids).toEqual(own);
  });

  test("a batch in a transaction takes one statement, and is delivered in order after the commit", async () => {
    await using log = createPostgresLog(server, "pg");
    const bus = await log.openBus();
    const seen: unknown[] = [];
    bus.subscribe((data) => seen.push(data), { channel: "**" });
    await bus.publish("before", { channel: "a", id: "known" });
    await using tx = await begin(server);
    const statements: string[] = [];
    const counted = {
      query(text: string, values: unknown[]) {
        statements.push(text);
        return tx.client.query(text, values);
      },
    };
    const published = await bus.publishMany(
      [
        { channel: "b", data: 1, id: "x" },
        { channel: "a", data: 2, key: "k", event: "row" },
        { channel: "b", data: 3, id: "x" },
        { channel: "a", data: 4, id: "known" },
        { channel: "c", data: "<li>", raw: true },
      ],
      { tx: counted },
    );
    expect(statements).toHaveLength(1);
    expect(published.map(({ pending = false, duplicate = false }) => [pending, duplicate])).toEqual(
      [
        [true, false],
        [true, false],
        [true, true],
        [false, true],
        [true, false],
      ],
    );
    await waitFor("what was committed", () => seen.length > 0);
    expect(seen).toEqual(["before"]);
    await tx.client.query("COMMIT");
    await waitFor("the batch", () => seen.length === 4);
    expect(seen).toEqual(["before", 1, 2, "<li>"]);
  });
});

function batch(...channels: string[]) {
  return channels.map((channel, data) => ({ channel, data }));
}

function valueOf(result: PromiseSettledResult<Published | Published[]> | undefined): Published {
  if (result?.status !== "fulfilled" || Array.isArray(result.value)) throw new Error("Not one");
  return result.value;
}

async function begin(server: PostgresServer) {
  const pool = new Pool({ connectionString: server.url });
  const client = await pool.connect();
  await client.query("BEGIN");
  return {
    client,
    async [Symbol.asyncDispose]() {
      client.release(true);
      await pool.end();
    },
  };
}
