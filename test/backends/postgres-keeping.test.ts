import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";

import { createBus, type HistoryOptions } from "../../packages/sse-bus/src/index.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { waitFor } from "../support/wait-for.ts";
import { subscribe, subscribeLive } from "./subscriber.ts";
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
afterEach(async () => log[Symbol.asyncDispose]());

/** Retention without a pause. */
const AT_ONCE = { retentionMs: 50, liveMs: 1 };

test("readers on a machine whose clock is ahead of the server's receive everything kept", async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 15_000 });
  try {
    const bus = await openBus({}, { maxAgeMs: 10_000 });
    const { id } = await bus.publish(0, { channel: "orders" });
    for (let n = 1; n <= 3; n++) await bus.publish(n, { channel: "orders" });
    const subscriber = subscribe(bus, { after: id });
    await waitFor("what is kept", () => subscriber.messages.length === 3);
    expect(subscriber.gaps).toEqual([]);
  } finally {
    vi.useRealTimers();
  }
});

test("old messages are deleted by count, bytes and age, by each channel's own limits", async () => {
  const bus = await openBus(AT_ONCE, {
    maxMessages: 1000,
    channels: {
      few: { maxMessages: 10 },
      small: { maxBytes: 10_000 },
      "short/**": { maxAgeMs: 400 },
      none: { maxMessages: 0 },
    },
  });
  const all = Array.from({ length: 100 }, (_, n) => n);
  for (const channel of ["few", "small", "short/1", "none", "whole"]) {
    await Promise.all(all.map(async (n) => bus.publish(`${"x".repeat(500)}${n}`, { channel })));
  }
  await waitFor("the tables to shrink", async () => {
    const { few, small, "short/1": short, none, whole } = await stored();
    return (few ?? 0) <= 11 && (small ?? 0) <= 13 && !short && !none && whole === 100;
  });
  // The horizons show it: a resume from before them gets a gap.
  for (const channel of ["few", "small", "short/1", "none"]) {
    const subscriber = subscribe(bus, { channel, after: "1-0-0" });
    await waitFor("a gap", () => subscriber.gaps.length > 0);
  }
});

test("messages younger than `liveMs` stay in the tables, but reads do not return those beyond the limits", async () => {
  const history = { maxMessages: 10 };
  const bus = await openBus({ retentionMs: 50, liveMs: 60_000 }, history);
  const first = await bus.publish(-1, { channel: "orders" });
  await Promise.all(
    Array.from({ length: 50 }, async (_, n) => bus.publish(n, { channel: "orders" })),
  );
  await waitFor("retention to have run", async () => {
    const { rows } = await log.pool.query(`SELECT FROM ${log.schema}.channel WHERE due > 0`);
    return rows.length === 1;
  });
  expect(await stored()).toEqual({ orders: 51 });
  const late = subscribe(await openBus({}, history), { after: first.id });
  await waitFor("what is kept", () => late.messages.length === 10);
  expect(late.messages.map(({ data }) => data)).toEqual([40, 41, 42, 43, 44, 45, 46, 47, 48, 49]);
  expect(late.gaps).toMatchObject([{ reason: "evicted" }]);
});

test("superseded messages are deleted first, the newest of each key stays, and no reader gets a gap", async () => {
  const bus = await openBus(AT_ONCE, { maxMessages: 20 });
  const first = await bus.publish("first", { channel: "scores" });
  await bus.publish("rare", { channel: "scores", key: "rare" });
  for (let round = 0; round < 20; round++) {
    await Promise.all(
      ["a", "b", "c"].map(async (key) => bus.publish([key, round], { channel: "scores", key })),
    );
  }
  await waitFor(
    "superseded ones to be deleted",
    async () => ((await stored())["scores"] ?? 0) <= 22,
  );
  const late = subscribe(await openBus(), { channel: "scores", after: first.id });
  await waitFor("the newest of each key", () => late.messages.length >= 4);
  expect(late.messages.map(({ data }) => data)).toEqual(
    expect.arrayContaining(["rare", ["a", 19], ["b", 19], ["c", 19]]),
  );
  expect(late.gaps).toEqual([]);
});

test("channels that are empty for long are removed, and an older cursor still gets a gap", async () => {
  const bus = await openBus(AT_ONCE, { maxAgeMs: 200 });
  const first = await bus.publish(0, { channel: "room/0" });
  await Promise.all(
    Array.from({ length: 300 }, async (_, n) => bus.publish(n, { channel: `room/${n}` })),
  );
  await waitFor("the messages to be deleted", async () => Object.keys(await stored()).length === 0);
  await waitFor("the channels to be removed", async () => {
    const { rows } = await log.pool.query(`SELECT FROM ${log.schema}.channel`);
    return rows.length === 0;
  });
  const next = await openBus({}, { maxAgeMs: 200 });
  const subscriber = subscribe(next, { channel: "room/7", after: first.id });
  await next.publish("again", { channel: "room/7" });
  await waitFor("the message", () => subscriber.messages.length === 1);
  expect(subscriber.gaps).toMatchObject([{ reason: "evicted" }]);
  // Its head is not removed with the messages.
  const after = await next.publish("later", { channel: "room/7" });
  expect(Number.parseInt(after.id, 36)).toBe(303);
});

describe("a position is never assigned twice, and the head never moves back", () => {
  const history = { channels: { "ticks/**": { maxAgeMs: 1000 }, none: { maxMessages: 0 } } };

  test.each([
    ["a channel with a shorter age", "ticks/1"],
    ["a channel that keeps nothing", "none"],
  ])("when retention deletes the newest message, of %s", async (_, channel) => {
    const bus = await openBus(AT_ONCE, history);
    const orders = await subscribeLive(bus);
    await bus.publish("order 1", { channel: "orders" });
    const newest = await bus.publish("tick", { channel });
    await waitFor("retention", async () => (await stored())[channel] === undefined);
    expect(positionOf(await bus.cursor())).toEqual(positionOf(newest.id));
    for (const order of ["order 2", "order 3"]) await bus.publish(order, { channel: "orders" });
    await waitFor("order 3", () => orders.messages.at(-1)?.data === "order 3");
    expect(orders.messages.map(({ data }) => data)).toEqual(["order 1", "order 2", "order 3"]);
    expect(orders.messages.map(({ id }) => positionOf(id).seq)).toEqual([2, 4, 5]);
    expect(orders.gaps).toEqual([]);
  });

  test("when the newest rows are deleted by hand, including those of an open transaction", async () => {
    const bus = await openBus();
    const subscriber = await subscribeLive(bus);
    for (const n of [2, 3, 4]) await bus.publish(n, { channel: "orders" });
    await log.pool.query(`DELETE FROM ${log.schema}.message WHERE seq = 4`);
    const deleting = await log.pool.connect();
    await deleting.query("BEGIN");
    await deleting.query(`DELETE FROM ${log.schema}.message WHERE seq = 3`);
    await bus.publish(5, { channel: "orders" });
    await waitFor("the message", () => subscriber.messages.at(-1)?.data === 5);
    await deleting.query("COMMIT");
    deleting.release();
    await log.pool.query(`DELETE FROM ${log.schema}.message WHERE seq > 3`);
    // An instance that opens now knows only the tables.
    const late = await openBus();
    expect(positionOf(await late.cursor()).seq).toBe(5);
    await late.publish(6, { channel: "orders" });
    await waitFor("the last message", () => subscriber.messages.at(-1)?.data === 6);
    expect(subscriber.messages.map(({ id }) => positionOf(id).seq)).toEqual([2, 3, 4, 5, 6]);
    expect(subscriber.gaps).toEqual([]);
  });

  test("also in time, when the server's clock steps back", async () => {
    const bus = await openBus();
    await bus.publish(1, { channel: "older" });
    await bus.publish(2, { channel: "orders" });
    // As if the clock had stepped back by an hour.
    const { rows } = await log.pool.query<{ time: string }>(
      `UPDATE ${log.schema}.message SET time = time + 3600000 WHERE seq = 2 RETURNING time::text`,
    );
    await log.pool.query(`DELETE FROM ${log.schema}.message WHERE seq = 2`);
    const next = await bus.publish(3, { channel: "orders" });
    expect(positionOf(next.id).time).toBe(Number(rows[0]?.time));
  });
});

test("a server's clock that steps back by an hour stops neither retention nor notifications of commits", async () => {
  // Longer than the test: a message received in time was notified, not polled.
  const bus = await openBus(
    { ...AT_ONCE, pollMs: 120_000 },
    { channels: { none: { maxMessages: 0 } } },
  );
  const { messages } = await subscribeLive(bus);
  const ahead = `${log.schema}.now_ms() + 3600000`;
  await log.pool.query(`UPDATE ${log.schema}.kept SET at = ${ahead}`);
  await log.pool.query(`SELECT setval('${log.schema}.awake', ${ahead})`);
  await bus.publish(1, { channel: "none" });
  await waitFor("retention", async () => (await stored())["none"] === undefined);
  await log.pool.query(`SELECT setval('${log.schema}.awake', ${ahead})`);
  await log.pool.query(`SELECT ${log.schema}.publish('orders', '"notified"')`);
  await waitFor("the message", () => messages.at(-1)?.data === "notified");
});

test("idempotency ids outlive their messages, and expire separately", async () => {
  const keep = await openBus(AT_ONCE, { maxMessages: 0 });
  const first = await keep.publish(1, { channel: "orders", id: "order 1" });
  await waitFor("the message to be deleted", async () => Object.keys(await stored()).length === 0);
  expect(await keep.publish(1, { channel: "orders", id: "order 1" })).toMatchObject({
    id: first.id,
    duplicate: true,
  });
  await keep.close();
  await openBus({ ...AT_ONCE, rememberIdsMs: 1 });
  await waitFor("the id to expire", async () => {
    const { rows } = await log.pool.query(`SELECT FROM ${log.schema}.id`);
    return rows.length === 0;
  });
});

test("a process that was disconnected during retention gets gaps for those channels, and the other messages", async () => {
  const history = { channels: { busy: { maxMessages: 5 } } };
  const away = await log.connect({ retentionMs: Number.POSITIVE_INFINITY, pollMs: 50 });
  await using bus = createBus({ backend: away, history, onError: () => {} });
  await bus.cursor();
  const subscribers = ["busy", "quiet", "*"].map((channel) => subscribe(bus, { channel }));
  // Its own publish waits until they are live; that of another bus does not.
  await bus.publish("live", { channel: "messages/by/nobody" });
  const other = await openBus({ retentionMs: Number.POSITIVE_INFINITY }, history);
  await other.publish("before", { channel: "busy" });
  await waitFor("the first message", () => subscribers[2]?.messages.length === 1);
  await log.proxyOf(away).cut();
  await waitFor("the bus to be down", () => bus.stats().status === "down");
  await Promise.all(
    Array.from({ length: 50 }, async (_, n) => other.publish(n, { channel: "busy" })),
  );
  await Promise.all(
    Array.from({ length: 5 }, async (_, n) => other.publish(n, { channel: "quiet" })),
  );
  const keeper = await openBus(AT_ONCE, history);
  await waitFor("retention", async () => ((await stored())["busy"] ?? 0) <= 5);
  await keeper.close();
  await log.proxyOf(away).mend();
  await waitFor("the bus to be up", () => bus.stats().status === "up");
  await other.publish("after", { channel: "busy" });
  await waitFor("the last message", () => subscribers[2]?.messages.at(-1)?.data === "after");
  const [busy, quiet, every] = subscribers.map(({ messages }) => messages.map(({ data }) => data));
  expect(busy).toEqual(["before", 45, 46, 47, 48, 49, "after"]);
  expect(quiet).toEqual([0, 1, 2, 3, 4]);
  expect(every).toEqual(["before", 45, 46, 47, 48, 49, 0, 1, 2, 3, 4, "after"]);
  expect(subscribers.map(({ gaps }) => gaps.map(({ reason }) => reason))).toEqual([
    ["evicted"],
    [],
    ["evicted"],
  ]);
});

function positionOf(id: string): { seq: number; time: number } {
  const [seq = "", time = ""] = id.split("-");
  return { seq: Number.parseInt(seq, 36), time: Number.parseInt(time, 36) };
}

/** Messages in the tables, by channel. */
async function stored(): Promise<Record<string, number>> {
  const { rows } = await log.pool.query<{ channel: string; n: number }>(
    `SELECT channel, count(*)::integer AS n FROM ${log.schema}.message GROUP BY channel`,
  );
  return Object.fromEntries(rows.map(({ channel, n }) => [channel, n]));
}

async function openBus(settings = {}, history: HistoryOptions = {}) {
  return log.openBus(settings, { history });
}
