import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { createBus } from "../../packages/sse-bus/src/index.ts";
import { natsBackend } from "../../packages/sse-bus/src/nats/index.ts";
import { type NatsServer, startNats } from "../support/nats.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { waitFor } from "../support/wait-for.ts";
import { openInstance, publishMany } from "./nats-instance.ts";
import { connectTo, createNatsLog } from "./nats-log.ts";

let server: NatsServer;
beforeAll(async () => {
  server = await startNats();
});
afterAll(async () => server[Symbol.asyncDispose]());

describe("limits", () => {
  test("the stream is created from the options and the bus's history", async () => {
    await using log = createNatsLog(server);
    const backend = await log.connect({ maxBytes: 5_000_000, idempotencyWindowMs: 60_000 });
    await using _ = await openInstance(backend, { maxMessages: 2000, maxAgeMs: 7_200_000 });
    expect(await configOf(log.stream)).toMatchObject({
      subjects: [`${log.stream}.>`],
      storage: "file",
      discard: "old",
      max_bytes: 5_000_000,
      max_age: 7_200_000 * 1e6,
      max_msgs_per_subject: 2001,
      duplicate_window: 60_000 * 1e6,
    });
  });

  test("a channel with a larger history enlarges the stream before its first message", async () => {
    await using log = createNatsLog(server);
    const channels = { "long/*": { maxMessages: 5000, maxAgeMs: Number.POSITIVE_INFINITY } };
    await using instance = await openInstance(await log.connect(), { channels });
    await instance.publish("short", 1);
    expect(await configOf(log.stream)).toMatchObject({ max_msgs_per_subject: 1001 });
    const published = await publishMany(instance, "long/1", { count: 1500 });
    expect(await configOf(log.stream)).toMatchObject({ max_msgs_per_subject: 5001, max_age: 0 });
    expect(await instance.kept("long/1")).toHaveLength(published.length);
  });

  test("an instance with a shorter history does not drop what others keep", async () => {
    await using log = createNatsLog(server);
    await using long = await openInstance(await log.connect(), { maxMessages: 3000 });
    await using short = await openInstance(await log.connect(), { maxMessages: 5 });
    await publishMany(short, "a", { count: 1200 });
    expect(await long.kept("a")).toHaveLength(1200);
    expect(await short.kept("a")).toHaveLength(5);
  });

  test("a machine whose clock is ahead of the server's reads everything kept", async () => {
    await using log = createNatsLog(server);
    await using instance = await openInstance(await log.connect(), { maxAgeMs: 10_000 });
    await publishMany(instance, "a", { count: 3 });
    await publishMany(instance, "a", { count: 1, first: 3, key: "k" });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 15_000 });
    try {
      expect(await instance.kept("a")).toEqual([0, 1, 2, 3]);
    } finally {
      vi.useRealTimers();
    }
  });

  test("readers on a machine whose clock is ahead of the server's receive everything kept", async () => {
    await using log = createNatsLog(server);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 15_000 });
    try {
      await using bus = createBus({
        backend: await log.connect(),
        history: { maxAgeMs: 10_000 },
      });
      const { id } = await bus.publish(0, { channel: "a" });
      for (let n = 1; n <= 3; n++) await bus.publish(n, { channel: "a" });
      const data: unknown[] = [];
      const gaps: unknown[] = [];
      bus.subscribe((each) => data.push(each), {
        channel: "a",
        after: id,
        onGap: (gap) => gaps.push(gap),
      });
      await waitFor("what is kept", () => data.length === 3);
      expect(gaps).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });

  test("a small stream that must not be changed shortens history, and its horizon shows it", async () => {
    await using restricted = await startRestricted();
    await using admin = await connectTo(restricted.port, { user: "admin", pass: "admin" });
    await (
      await jetstreamManager(admin)
    ).streams.add({ name: "given", subjects: ["given.>"], max_msgs_per_subject: 10 });
    const backend = natsBackend({
      stream: "given",
      requestTimeoutMs: 500,
      connection: async () => connectTo(restricted.port, { user: "app", pass: "app" }),
    });
    await using instance = await openInstance(backend);
    expect(instance.errors.map(({ message }) => message)).toEqual([
      expect.stringContaining("Permissions Violation"),
    ]);
    const published = await publishMany(instance, "a", { count: 30 });
    const seqs = published.map(({ seq }) => seq).toSorted((a, b) => a - b);
    const { messages, horizon } = await backend.read("a");
    expect(messages.map(({ seq }) => seq)).toEqual(seqs.slice(20));
    expect(horizon).toBe(seqs[19]);
    const received = await instance.listen("a");
    await instance.publish("a", "live");
    await waitFor("the live message", () => received.data.length === 1);
  });

  test("messages dropped by a full stream are reported for every channel", async () => {
    await using log = createNatsLog(server);
    await using instance = await openInstance(await log.connect({ maxBytes: 200_000 }));
    const first = await instance.publish("quiet", 1);
    const large = await publishMany(instance, "large", { count: 1 });
    await Promise.all(
      Array.from({ length: 40 }, async () => instance.publish("large", "x".repeat(10_000))),
    );
    const quiet = await instance.backend.read("quiet");
    expect(quiet.messages).toEqual([]);
    expect(quiet.horizon).toBeGreaterThanOrEqual(first.seq);
    expect((await instance.backend.read("**")).horizon).toBeGreaterThanOrEqual(large[0]?.seq ?? 0);
  });

  test("a busy channel that exceeds its history does not shorten that of quiet channels", async () => {
    await using log = createNatsLog(server);
    await using instance = await openInstance(await log.connect());
    const start = await instance.backend.readHead();
    const quiet = await instance.publish("quiet", 1);
    await publishMany(instance, "busy", { count: 3000 });
    expect((await instance.backend.read("busy")).horizon).toBeGreaterThan(quiet.seq);
    for (const topic of ["quiet", "never"]) {
      expect((await instance.backend.read(topic)).horizon).toBeLessThanOrEqual(start.seq);
    }
  });

  test("when messages reach their age, a reader of a quiet channel gets a gap at most a moment early", async () => {
    await using log = createNatsLog(server);
    await using connection = await connectTo(server.port);
    const jsm = await jetstreamManager(connection);
    const history = { maxAgeMs: 3000 };
    await using instance = await openInstance(await log.connect(), history);
    await instance.publish("quiet", "old");
    let isDone = false;
    const busy = (async () => {
      while (!isDone) await publishMany(instance, "busy", { count: 200 });
    })();
    // Longer than the stream keeps messages, so that only fences are at the age limit.
    await new Promise((resolve) => setTimeout(resolve, 3500));
    const { horizon } = await instance.backend.read("quiet");
    // The oldest message may be dropped at any moment, also between two requests.
    const oldest = await waitFor("the oldest message", async () => {
      const now = Date.now();
      const query = { subjects_filter: `${log.stream}.f.*` };
      const { state } = await jsm.streams.info(log.stream, query);
      const message = await jsm.streams.getMessage(log.stream, { seq: state.first_seq });
      return message && { ageMs: now - message.time.getTime(), fences: state.subjects ?? {} };
    });
    isDone = true;
    await busy;
    expect(horizon).toBeGreaterThan(0);
    // Everything after the horizon exists, except messages dropped by count. The oldest of those is less
    // than a second old, unless the machine is so busy that age drops it too. Fences come once a second.
    expect(Object.keys(oldest.fences)).not.toEqual([]);
    expect(oldest.ageMs).toBeGreaterThan(3000 - 2000);
  });
});

test("the permissions in the guide are enough, also for a burst", async () => {
  const guide = await readFile(new URL("../../docs/backends/nats.md", import.meta.url), "utf8");
  const [, lists = ""] = /## Permissions.*?```\n(.*?)```/s.exec(guide) ?? [];
  expect(lists).toContain("sse-bus.>");
  await using restricted = await startRestricted(lists);
  await using admin = await connectTo(restricted.port, { user: "admin", pass: "admin" });
  const jsm = await jetstreamManager(admin);
  await jsm.streams.add({ name: "sse-bus", subjects: ["sse-bus.>"], max_msgs_per_subject: 1001 });
  const connection = async () => connectTo(restricted.port, { user: "app", pass: "app" });
  const history = { maxAgeMs: Number.POSITIVE_INFINITY };
  await using instance = await openInstance(natsBackend({ connection }), history);
  const received = await instance.listen("a");
  const text = "x".repeat(250_000);
  for (let n = 0; n < 160; n += 10) {
    await Promise.all(Array.from({ length: 10 }, async () => instance.publish("a", text)));
  }
  await waitFor("all of it", () => received.data.length === 160);
  await publishMany(instance, "b", { count: 5, key: "k" });
  expect(await instance.kept("b")).toHaveLength(1);
  expect(await instance.backend.readHead()).toEqual(instance.backend.head());
  expect(instance.errors).toEqual([]);
  expect(instance.statuses).toEqual([]);
});

describe("other programs", () => {
  test("JSON that any NATS client publishes on a channel's subject is a message of the bus", async () => {
    await using log = createNatsLog(server);
    await using instance = await openInstance(await log.connect());
    const received = await instance.listen("orders/*");
    await using connection = await connectTo(server.port);
    const js = jetstream(connection);
    await js.publish(`${log.stream}.c.orders.42`, '{\n  "total": 5\n}');
    const cancelled = headers();
    cancelled.set("Sse-Event", "cancelled");
    const key = Buffer.from("42").toString("base64url");
    await js.publish(`${log.stream}.k.${key}.orders.a=db`, "[]", { headers: cancelled });
    await waitFor("both", () => received.data.length === 2);
    expect(received.data).toEqual([{ total: 5 }, []]);
    const { messages } = await instance.backend.read("orders/**");
    expect(messages).toMatchObject([
      { channel: "orders/42", event: "message", key: undefined },
      { channel: "orders/a.b", event: "cancelled", key: "42" },
    ]);
  });

  test("a message of the bus is plain JSON on a readable subject", async () => {
    await using log = createNatsLog(server);
    await using instance = await openInstance(await log.connect());
    const { seq } = await instance.publish("orders/42", { total: 5 });
    await using connection = await connectTo(server.port);
    const jsm = await jetstreamManager(connection);
    const stored = await jsm.streams.getMessage(log.stream, { seq });
    expect(stored?.subject).toBe(`${log.stream}.c.orders.42`);
    expect(stored?.json()).toEqual({ total: 5 });
  });

  test("invalid messages of theirs are reported and omitted, live and in history", async () => {
    await using log = createNatsLog(server);
    await using instance = await openInstance(await log.connect());
    const received = await instance.listen("**");
    await using connection = await connectTo(server.port);
    const js = jetstream(connection);
    await js.publish(`${log.stream}.c.a`, "hello");
    const forged = headers();
    forged.set("Sse-Event", "a%0Adata: forged");
    await js.publish(`${log.stream}.c.a`, "1", { headers: forged });
    await js.publish(`${log.stream}.c.a=zz`, "1");
    await js.publish(`${log.stream}.elsewhere`, "1");
    await instance.publish("a", "fine");
    await waitFor("the last one", () => received.data.length > 0);
    expect(received.data).toEqual(["fine"]);
    expect(await instance.kept("**")).toEqual(["fine"]);
    const codes = instance.errors.map((error) => (error as { code?: string }).code);
    expect(new Set(codes)).toEqual(new Set(["INVALID_DATA", "INVALID_EVENT_NAME"]));
  });
});

describe("idempotency", () => {
  test("an id is remembered over a restart of the server", async () => {
    await using own = await startNats();
    await using log = createNatsLog(own);
    await using instance = await openInstance(await log.connect());
    const first = await instance.publish("a", 1, { id: "order 1" });
    await own.kill();
    await own.start();
    await waitFor("it to be up", () => instance.statuses.at(-1) === "up");
    const again = await instance.publish("a", 2, { id: "order 1" });
    expect(again).toEqual({ ...first, duplicate: true });
  });

  test("an id may be used again after its window", async () => {
    await using log = createNatsLog(server);
    await using instance = await openInstance(await log.connect({ idempotencyWindowMs: 200 }));
    const first = await instance.publish("a", 1, { id: "x" });
    await waitFor("another position for the id", async () => {
      const next = await instance.publish("a", 1, { id: "x" });
      return !next.duplicate && next.seq > first.seq;
    });
  });
});

async function configOf(stream: string): Promise<object> {
  await using connection = await connectTo(server.port);
  return (await (await jetstreamManager(connection)).streams.info(stream)).config;
}

/** A server whose user `app` may use a stream, but not create or change one. */
async function startRestricted(
  permissions = 'publish: { deny: ["$JS.API.STREAM.CREATE.>", "$JS.API.STREAM.UPDATE.>"] }',
): Promise<NatsServer> {
  const folder = await tempFolder("nats-users");
  const file = join(folder.path, "users.conf");
  await writeFile(
    file,
    `accounts { A { jetstream: enabled, users: [
      { user: admin, password: admin },
      { user: app, password: app, permissions: { ${permissions} } }
    ] } }`,
  );
  const running = await startNats({ args: ["-c", file] });
  return Object.assign(running, {
    async [Symbol.asyncDispose]() {
      await running.stop();
      await folder[Symbol.asyncDispose]();
    },
  });
}
