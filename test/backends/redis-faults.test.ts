import { readFile } from "node:fs/promises";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import {
  type Backend,
  createBus,
  type Gap,
  isSseBusError,
  type SseBusError,
} from "../../packages/sse-bus/src/index.ts";
import { PUBLISH } from "../../packages/sse-bus/src/redis/publish-script.ts";
import { redisBackend } from "../../packages/sse-bus/src/redis/index.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { waitFor } from "../support/wait-for.ts";
import { createRedisLog, makeClient, type RedisLog } from "./redis-log.ts";

type TestBus = ReturnType<typeof createBus>;

describe.each(Object.entries(makeClient))("over %s", (name, make) => {
  let server: RedisServer;
  let log: RedisLog;
  beforeAll(async () => {
    server = await startRedis({ persist: true });
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  test("connections killed at the server, again and again, cost no message and tell no gap", async () => {
    await using _log = (log = createRedisLog(server, make));
    await using publisher = openBus(await log.connect());
    await using bus = openBus(await log.connect());
    const ear = listen(bus, "**", await bus.cursor());
    const sent: string[] = [];
    let isDone = false;
    const publishing = (async () => {
      while (!isDone) sent.push(await insist(publisher, `room/${sent.length % 7}`));
    })();
    await using admin = await connectAdmin(server.port);
    for (const type of ["pubsub", "normal", "pubsub", "pubsub", "normal"]) {
      const before = sent.length;
      await waitFor("some messages", () => sent.length > before + 50);
      await admin.command(["CLIENT", "KILL", "TYPE", type]);
    }
    const before = sent.length;
    await waitFor("messages after the last kill", () => sent.length > before + 50);
    isDone = true;
    await publishing;
    await waitFor("the last message", () => ear.ids.at(-1) === sent.at(-1));
    expect(ear.ids).toEqual(sent);
    expect(ear.gaps).toEqual([]);
  });

  test("a server killed under load and started again from its disk loses nothing that was acknowledged", async () => {
    await using _log = (log = createRedisLog(server, make));
    await using publisher = openBus(await log.connect());
    await using bus = openBus(await log.connect());
    const ear = listen(bus, "**", await bus.cursor());
    const sent: string[] = [];
    for (let round = 0; round < 2; round++) {
      for (let n = 0; n < 30; n++) sent.push(await insist(publisher, `room/${n % 3}`));
      await server.kill();
      await server.start();
    }
    sent.push(await insist(publisher, "room/last"));
    await waitFor("the last message", () => ear.ids.at(-1) === sent.at(-1));
    expect(ear.ids).toEqual(sent);
    expect(ear.gaps).toEqual([]);
  });

  test("a server that hangs is noticed, and publishes reject; once it moves again nothing is missing", async () => {
    await using _log = (log = createRedisLog(server, make));
    await using bus = openBus(await log.connect({ timeoutMs: 300, waitMs: 100 }));
    const ear = listen(bus, "a", await bus.cursor());
    const first = await bus.publish(1, { channel: "a" });
    server.pause();
    const lost = bus.publish(2, { channel: "a", id: "retried" });
    await expect(lost).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
    await waitFor("the hang to be noticed", () => bus.stats().status === "down");
    server.resume();
    await waitFor("the server to be back", () => bus.stats().status === "up");
    // Its bytes were with the server already: the answer was lost, and the retry finds the first.
    const retried = await bus.publish(2, { channel: "a", id: "retried" });
    const last = await bus.publish(3, { channel: "a" });
    await waitFor("the last message", () => ear.ids.at(-1) === last.id);
    expect(ear.ids).toEqual([first.id, retried.id, last.id]);
    expect(ear.gaps).toEqual([]);
  });

  test("a process that stands still for longer than the deadline does not take its server for dead", async () => {
    await using _log = (log = createRedisLog(server, make));
    const errors: Error[] = [];
    const backend = await log.connect({ timeoutMs: 200, markMs: 50 });
    await using bus = createBus({ backend, onError: (error) => void errors.push(error) });
    const ear = listen(bus, "a", await bus.cursor());
    const sent: string[] = [];
    for (let round = 0; round < 3; round++) {
      const published = bus.publish(round, { channel: "a" });
      // On its way, and answered while nobody here can read.
      await new Promise((resolve) => setImmediate(resolve));
      const until = performance.now() + 700;
      while (performance.now() < until);
      sent.push((await published).id);
    }
    await waitFor("all of them", () => ear.ids.length === sent.length);
    expect(ear.ids).toEqual(sent);
    expect([errors, bus.stats().status]).toEqual([[], "up"]);
  });

  test("a full server refuses publishes with its reason, takes nothing, and readers go on", async () => {
    await using _log = (log = createRedisLog(server, make));
    await using admin = await connectAdmin(server.port);
    const backend = await log.connect();
    await using bus = openBus(backend);
    const ear = listen(bus, "a", await bus.cursor());
    const before = await bus.publish("before", { channel: "a", key: "k" });
    await admin.command(["CONFIG", "SET", "maxmemory", "1"]);
    try {
      const refused = await bus
        .publish("refused", { channel: "a", key: "k", id: "x" })
        .catch(asError);
      expect(refused).toMatchObject({ code: "BACKEND_UNAVAILABLE" });
      expect((refused as Error).message).toMatch(/OOM.*maxmemory/s);
      expect((await backend.read("a")).messages).toHaveLength(1);
    } finally {
      await admin.command(["CONFIG", "SET", "maxmemory", "0"]);
    }
    const after = await bus.publish("after", { channel: "a", key: "k", id: "x" });
    expect(after.duplicate).toBeUndefined();
    await waitFor("the last message", () => ear.ids.at(-1) === after.id);
    expect(ear.ids).toEqual([before.id, after.id]);
    expect((await backend.read("a")).messages.map(({ seq }) => seq)).toHaveLength(1);
  });

  test("a server that became a replica refuses publishes, and is told as down until it is a primary again", async () => {
    await using _log = (log = createRedisLog(server, make));
    await using admin = await connectAdmin(server.port);
    await using bus = openBus(await log.connect({ waitMs: 100 }));
    const ear = listen(bus, "a", await bus.cursor());
    const sent = [(await bus.publish(1, { channel: "a" })).id];
    await admin.command(["REPLICAOF", "127.0.0.1", "1"]);
    try {
      const refused = await bus.publish(2, { channel: "a" }).catch(asError);
      expect(refused).toMatchObject({ code: "BACKEND_UNAVAILABLE" });
      expect((refused as Error).message).toContain("READONLY");
      await waitFor("it to be told as down", () => bus.stats().status === "down");
    } finally {
      await admin.command(["REPLICAOF", "NO", "ONE"]);
    }
    sent.push(await insist(bus, "a"));
    await waitFor("the last message", () => ear.ids.at(-1) === sent.at(-1));
    expect(ear.ids).toEqual(sent);
    expect(ear.gaps).toEqual([]);
    expect(bus.stats().status).toBe("up");
  });

  test("data flushed under open connections change the epoch: one gap, then all that is new", async () => {
    await using own = await startRedis();
    await using _log = (log = createRedisLog(own, make));
    await using admin = await connectAdmin(own.port);
    await using one = openBus(await log.connect());
    await using two = openBus(await log.connect());
    const ear = listen(two, "a/*", await two.cursor());
    const old = [
      await one.publish(1, { channel: "a/1" }),
      await one.publish(2, { channel: "a/2" }),
    ];
    await waitFor("the old messages", () => ear.ids.length === 2);
    await admin.command(["FLUSHALL"]);
    const fresh = await one.publish(3, { channel: "a/1" });
    await waitFor("the new message", () => ear.ids.length === 3);
    expect(ear.ids).toEqual([...old.map(({ id }) => id), fresh.id]);
    expect(ear.gaps.map(({ reason }) => reason)).toEqual(["restarted"]);
    expect(epochOf(fresh.id)).not.toBe(epochOf(old[0]?.id ?? ""));
  });

  test("a message that was stored and never announced is found by the next one, and neither is missing", async () => {
    await using _log = (log = createRedisLog(server, make));
    await using bus = openBus(await log.connect());
    await using admin = await connectAdmin(server.port);
    const ear = listen(bus, "a", await bus.cursor());
    const first = await bus.publish(1, { channel: "a" });
    const tag = `{${log.prefix}}`;
    const keys = [`${tag}:bus`, `${tag}:log:a`, `${tag}:newest:a`, `${tag}:id:`];
    const record = ["e", "a", "", '"unannounced"', "", "nowhere:", ""];
    const rest = ["1000", "1000000", "1000000", "PUBLISH", ""];
    await admin.command(["EVAL", PUBLISH.text, "4", ...keys, ...record, ...rest]);
    const last = await bus.publish(3, { channel: "a" });
    await waitFor("the last message", () => ear.ids.at(-1) === last.id);
    expect(ear.ids).toHaveLength(3);
    expect(ear.data).toEqual([1, "unannounced", 3]);
    expect(ear.ids[0]).toBe(first.id);
    expect(ear.gaps).toEqual([]);
  });

  test("buses of one prefix on two logical databases do not hear each other", async () => {
    await using _log = (log = createRedisLog(server, make));
    const prefix = `db-${name}`;
    const client =
      name === "redis"
        ? createClient({ url: `redis://127.0.0.1:${server.port}`, database: 3 })
        : makeClient.ioredis(server.port).duplicate({ db: 3 });
    await using zero = openBus(await log.connect({ prefix }));
    await using three = openBus(redisBackend({ client, prefix, markMs: 100 }));
    const [here, there] = [
      listen(zero, "**", await zero.cursor()),
      listen(three, "**", await three.cursor()),
    ];
    const [a, b] = [await zero.publish("zero"), await three.publish("three")];
    await waitFor("both", () => here.ids.length > 0 && there.ids.length > 0);
    await zero.publish("zero again");
    await waitFor("the second", () => here.ids.length === 2);
    expect([here.data, there.data]).toEqual([["zero", "zero again"], ["three"]]);
    expect([here.ids[0], there.ids[0]]).toEqual([a.id, b.id]);
    expect([...here.gaps, ...there.gaps]).toEqual([]);
  });
});

describe("failover", () => {
  test("to a replica that has everything: no message is missing, and no gap is told", async () => {
    await using pair = await startPair();
    await using one = openBus(pair.connect());
    await using two = openBus(pair.connect());
    const ear = listen(two, "**", await two.cursor());
    const sent: string[] = [];
    for (let n = 0; n < 20; n++) sent.push((await one.publish(n, { channel: `room/${n % 3}` })).id);
    await pair.untilInStep();
    await pair.failOver();
    for (let n = 0; n < 20; n++) sent.push(await insist(one, `room/${n % 3}`));
    await waitFor("the last message", () => ear.ids.at(-1) === sent.at(-1));
    expect(ear.ids).toEqual(sent);
    expect(ear.gaps).toEqual([]);
  });

  test("to a replica that lagged: the epoch changes, so that what was lost is told", async () => {
    await using pair = await startPair();
    await using one = openBus(pair.connect());
    await using two = openBus(pair.connect());
    // It has seen nothing of what will be lost, and is the first to publish to the new primary.
    await using late = openBus(pair.connect());
    const ear = listen(two, "a", await two.cursor());
    const kept = await one.publish("kept", { channel: "a" });
    await pair.untilInStep();
    await pair.stopReplication();
    const lost = [await one.publish("lost", { channel: "a" }), await one.publish("lost too")];
    await waitFor("what will be lost", () => ear.ids.length === 2);
    await pair.failOver();
    const fresh: string[] = [];
    for (let n = 0; n < 30; n++) fresh.push(await insist(late, "a"));
    await waitFor("a gap", () => ear.gaps.length > 0);
    fresh.push(await insist(late, "a"));
    await waitFor("the new log", () => ear.ids.at(-1) === fresh.at(-1));
    expect(ear.gaps.map(({ reason }) => reason)).toEqual(["restarted"]);
    // No position is given twice: a cursor of what was lost stays apart from what is new.
    const positions = [...lost.map(({ id }) => id), ...fresh].map((id) => id.split("-")[0]);
    expect(new Set(positions).size).toBe(positions.length);
    // What the replica had is still there for whoever comes.
    const whole = listen(one, "a", kept.id);
    await waitFor("all that is kept", () => whole.ids.length > fresh.length);
    expect(whole.gaps.map(({ reason }) => reason)).toEqual(["restarted"]);
    expect(whole.data[0]).toBe("kept");
  });

  test("to an empty replica: the epoch changes", async () => {
    await using pair = await startPair();
    await using one = openBus(pair.connect());
    const ear = listen(one, "a", await one.cursor());
    await one.publish("lost", { channel: "a" });
    await waitFor("the first message", () => ear.ids.length === 1);
    await pair.stopReplication();
    await pair.emptyReplica();
    await pair.failOver();
    await waitFor("a gap", () => ear.gaps.length > 0);
    const fresh = await insist(one, "a");
    await waitFor("the new message", () => ear.ids.at(-1) === fresh);
    expect(ear.gaps.map(({ reason }) => reason)).toEqual(["restarted"]);
  });
});

describe("a server that evicts or loads", () => {
  // volatile-lru spares the key without a lifetime, which holds the positions and horizons; when
  // allkeys-lru takes it, the log begins anew.
  test.each(["volatile-lru", "allkeys-lru"])(
    "%s: whatever it evicts is told as a gap, never lost in silence",
    async (policy) => {
      const args = ["--maxmemory", "6mb", "--maxmemory-policy", policy];
      await using server = await startRedis({ args });
      await using log = createRedisLog(server, makeClient.redis);
      await using admin = await connectAdmin(server.port);
      const backend = await log.connect();
      await using bus = openBus(backend);
      const start = await bus.cursor();
      const sent = new Map<string, string[]>();
      const data = "x".repeat(2000);
      let evicted = 0;
      for (let n = 0; n < 20_000 && evicted < 20; n++) {
        const channel = `room/${n % 200}`;
        const { id } = await bus.publish(data, { channel });
        sent.set(channel, [...(sent.get(channel) ?? []), id]);
        if (n % 100 === 0) evicted = await admin.evictedKeys();
      }
      expect(evicted).toBeGreaterThanOrEqual(20);
      const isSameLog = epochOf(await bus.cursor()) === epochOf(start);
      if (policy === "volatile-lru") expect(isSameLog).toBe(true);
      let lossy = 0;
      for (const [channel, ids] of sent) {
        const { messages, horizon } = await backend.read(channel);
        const kept = new Set(messages.map(({ seq }) => seq));
        const missing = ids.map(seqOf).filter((seq) => !kept.has(seq));
        if (missing.length > 0) lossy++;
        if (isSameLog) expect(Math.max(0, ...missing)).toBeLessThanOrEqual(horizon);
      }
      expect(lossy).toBeGreaterThan(0);
      const ear = listen(bus, "room/**", start);
      await waitFor("a gap", () => ear.gaps.length > 0);
      expect(ear.gaps[0]?.channels).toEqual(["room/**"]);
    },
    60_000,
  );

  test.each(["log", "bus", "newest"])("a lost %s key costs no more than a gap", async (kind) => {
    await using server = await startRedis();
    await using log = createRedisLog(server, makeClient.ioredis);
    await using admin = await connectAdmin(server.port);
    const backend = await log.connect();
    await using bus = openBus(backend);
    const first = await bus.publish(0, { channel: "a", key: "k" });
    for (let n = 1; n < 6; n++) await bus.publish(n, { channel: "a", key: `k${n % 2}` });
    const key = `{${log.prefix}}:${kind}${kind === "bus" ? "" : ":a"}`;
    expect(await admin.command(["DEL", key])).toBe(1);
    const last = await bus.publish(6, { channel: "a", key: "k0" });
    const ear = listen(bus, "a", first.id);
    await waitFor("the last message", () => ear.ids.at(-1) === last.id);
    if (kind === "newest") expect([ear.data, ear.gaps]).toEqual([[5, 6], []]);
    else expect(ear.gaps).toHaveLength(1);
  });

  test("LOADING: open() refuses meanwhile, and whoever was there is back when it is done", async () => {
    // Slow to load, and looking at its connections all the while.
    const slow = ["--key-load-delay", "3000", "--loading-process-events-interval-bytes", "1024"];
    const args = ["--enable-debug-command", "yes", ...slow];
    await using server = await startRedis({ persist: true, args });
    await using log = createRedisLog(server, makeClient.redis);
    await using admin = await connectAdmin(server.port);
    await using bus = openBus(await log.connect({ waitMs: 50 }));
    const ear = listen(bus, "a", await bus.cursor());
    const sent = [await insist(bus, "a")];
    for (let n = 0; n < 300; n++) await admin.command(["SET", `filler:${n}`, "x"]);
    await admin.command(["BGREWRITEAOF"]);
    await waitFor("the rewrite", async () =>
      (await admin.info()).includes("aof_rewrite_in_progress:0"),
    );
    await server.stop();
    const starting = server.start();
    await waitFor("the server to load", async () => {
      await using probe = await connectAdmin(server.port);
      return (await probe.command(["PING"]).catch(asError)) instanceof Error;
    });
    const late = await log.connect({ waitMs: 50 });
    await using refused = openBus(late);
    await expect(refused.publish(1)).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
    await expect(bus.publish(1)).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
    await starting;
    sent.push(await insist(bus, "a"));
    await waitFor("the last message", () => ear.ids.at(-1) === sent.at(-1));
    expect(ear.ids).toEqual(sent);
    expect(ear.gaps).toEqual([]);
  });
});

describe("keys", () => {
  test("all keys of a bus are in one slot, so that a cluster takes every script", async () => {
    await using server = await startRedis({ args: ["--cluster-enabled", "yes"] });
    await using admin = await connectAdmin(server.port);
    await admin.command(["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    await waitFor("the cluster", async () =>
      String(await admin.command(["CLUSTER", "INFO"])).includes("cluster_state:ok"),
    );
    await using log = createRedisLog(server, makeClient.redis);
    await using bus = openBus(await log.connect());
    const ear = listen(bus, "a/*", await bus.cursor());
    const options = { channel: "a/1", key: "k", id: "once" };
    const first = await bus.publish(1, options);
    expect(await bus.publish(1, options)).toMatchObject({ id: first.id, duplicate: true });
    const second = await bus.publish(2, { channel: "a/2" });
    await waitFor("both", () => ear.ids.length === 2);
    const again = listen(bus, "**", first.id);
    await waitFor("the second", () => again.ids.length === 1);
    expect([ear.ids, again.ids]).toEqual([[first.id, second.id], [second.id]]);
  });

  test.each(["redis", "ioredis"] as const)(
    "the permissions in the guide are enough for %s",
    async (library) => {
      const guide = await readFile(
        new URL("../../docs/backends/redis.md", import.meta.url),
        "utf8",
      );
      const rule = /```\n(ACL SETUSER [^`]*)```/.exec(guide)?.[1]?.trim().split(/\s+/) ?? [];
      await using server = await startRedis();
      await using admin = await connectAdmin(server.port);
      await admin.command(rule);
      const [username, password] = ["sse-bus", "password"];
      const client =
        library === "redis"
          ? createClient({ url: `redis://${username}:${password}@127.0.0.1:${server.port}` })
          : makeClient.ioredis(server.port).duplicate({ username, password });
      const errors: Error[] = [];
      const backend = redisBackend({ client, markMs: 20 });
      await using bus = createBus({
        backend,
        history: { maxMessages: 2, channels: { "gone/**": { maxAgeMs: 50 } } },
        onError: (error) => void errors.push(error),
      });
      const ear = listen(bus, "a/*", await bus.cursor());
      await bus.publish(0, { channel: "gone/1" });
      for (let n = 1; n <= 4; n++) await bus.publish(n, { channel: "a/1", key: "k", id: `${n}` });
      for (let n = 5; n <= 8; n++) await bus.publish(n, { channel: "a/2" });
      await waitFor("all of it", () => ear.data.length === 8);
      await waitFor("the sweep", async () => {
        const fields = (await admin.command(["HKEYS", "{sse-bus}:bus"])) as string[];
        return !fields.includes("c:gone/1");
      });
      expect((await backend.read("a/*")).messages).toHaveLength(3);
      const stop = bus.subscribe(() => {}, { channel: "b" });
      stop();
      await bus.publish(9, { channel: "b" });
      expect(errors).toEqual([]);
    },
  );

  test("a topic that the user may not subscribe to is refused by itself, and the others go on", async () => {
    await using server = await startRedis();
    await using admin = await connectAdmin(server.port);
    const user = ["ACL", "SETUSER", "narrow", "on", ">password", "~*", "+@all", "resetchannels"];
    await admin.command([...user, "&{sse-bus}*"]);
    const client = createClient({ url: `redis://narrow:password@127.0.0.1:${server.port}` });
    const backend = redisBackend({ client, markMs: 20 });
    await using bus = openBus(backend);
    const ear = listen(bus, "a", await bus.cursor());
    const first = await bus.publish(1, { channel: "a" });
    // A pattern has to stand in the user's rules letter by letter.
    const refused = await backend.subscribe("a/*", { message() {}, lost() {} }).catch(asError);
    expect(refused).toMatchObject({ code: "BACKEND_UNAVAILABLE" });
    expect((refused as Error).message).toContain("NOPERM");
    expect(bus.stats().status).toBe("up");
    const second = await bus.publish(2, { channel: "a" });
    await waitFor("both messages", () => ear.ids.length === 2);
    expect(ear.ids).toEqual([first.id, second.id]);
  });

  test("channels whose history has aged away leave nothing behind but the floor", async () => {
    await using server = await startRedis();
    await using log = createRedisLog(server, makeClient.redis);
    await using admin = await connectAdmin(server.port);
    const backend = await log.connect({ markMs: 50, idempotencyMs: 100 });
    await using bus = createBus({
      backend,
      history: { maxAgeMs: 200, channels: { kept: { maxAgeMs: 3_600_000 } } },
    });
    const kept = await bus.publish("kept", { channel: "kept" });
    const ids: string[] = [];
    for (let n = 0; n < 300; n++) {
      const options = { channel: `gone/${n}`, key: "k", id: `id ${n}` };
      ids.push((await bus.publish(n, options)).id);
    }
    const tag = `{${log.prefix}}`;
    await waitFor("only the kept channel to be left", async () => {
      const keys = (await admin.command(["KEYS", "*"])) as string[];
      const fields = (await admin.command(["HKEYS", `${tag}:bus`])) as string[];
      const channels = fields.filter((field) => field.startsWith("c:"));
      return [...keys.toSorted(), ...channels].join() === `${tag}:bus,${tag}:log:kept,c:kept`;
    });
    const ear = listen(bus, "gone/299", ids[0]);
    await waitFor("a gap for what is gone", () => ear.gaps.length === 1);
    const whole = listen(bus, "kept", kept.id);
    const next = await bus.publish("next", { channel: "kept" });
    await waitFor("the next one", () => whole.ids.length === 1);
    expect([whole.ids, whole.gaps]).toEqual([[next.id], []]);
  });
});

interface Ear {
  readonly ids: string[];
  readonly data: unknown[];
  readonly gaps: Gap[];
}

function openBus(backend: Backend): TestBus {
  return createBus({ backend, onError: () => {} });
}

function listen(bus: TestBus, channel: string, after: string | undefined): Ear {
  const ear: Ear = { ids: [], data: [], gaps: [] };
  const hear = (data: unknown, { id }: { id: string }): void => {
    ear.ids.push(id);
    ear.data.push(data);
  };
  bus.subscribe(hear, { channel, after, onGap: (gap) => void ear.gaps.push(gap) });
  return ear;
}

let unique = 0;

/** Publishes, and again with the same id while the server is away. */
async function insist(bus: TestBus, channel: string): Promise<string> {
  const data = ++unique;
  const id = `insist ${data}`;
  const publish = async (): Promise<string | undefined> =>
    bus.publish(data, { channel, id }).then(
      (published) => published.id,
      (error: unknown) => {
        if (isSseBusError(error) && error.code === "BACKEND_UNAVAILABLE") return undefined;
        throw error;
      },
    );
  return waitFor("a publish", publish, { timeoutMs: 15_000 });
}

function seqOf(id: string): number {
  return Number.parseInt(id, 36);
}

function epochOf(id: string): string | undefined {
  return /-([^-@]+)(?:@|$)/.exec(id)?.[1];
}

function asError(error: unknown): SseBusError {
  return error as SseBusError;
}

interface Admin extends AsyncDisposable {
  command(args: readonly string[]): Promise<unknown>;
  evictedKeys(): Promise<number>;
  info(): Promise<string>;
}

/** A connection of the test's own, past every relay. */
async function connectAdmin(port: number): Promise<Admin> {
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  client.on("error", () => {});
  await client.connect();
  const admin: Admin = {
    command: async (args) => client.sendCommand([...args]),
    info: async () => client.sendCommand<string>(["INFO"]),
    evictedKeys: async () => Number(/evicted_keys:(\d+)/.exec(await admin.info())?.[1]),
    async [Symbol.asyncDispose]() {
      client.destroy();
    },
  };
  return admin;
}

interface Pair extends AsyncDisposable {
  connect(): Backend;
  /** Resolves once the replica has all that the primary has. */
  untilInStep(): Promise<void>;
  /** The replica gets nothing any more. */
  stopReplication(): Promise<void>;
  emptyReplica(): Promise<void>;
  /** The primary dies and the replica takes its place, behind the same address. */
  failOver(): Promise<void>;
}

async function startPair(): Promise<Pair> {
  const stack = new AsyncDisposableStackLike();
  const primary = stack.add(await startRedis({ args: ["--repl-diskless-sync-delay", "0"] }));
  const replica = stack.add(await startRedis());
  const proxy = stack.add(await startTcpProxy(primary.port));
  const [first, second] = [
    stack.add(await connectAdmin(primary.port)),
    stack.add(await connectAdmin(replica.port)),
  ];
  await second.command(["REPLICAOF", "127.0.0.1", String(primary.port)]);
  const offset = async (admin: Admin, field: string): Promise<string | undefined> =>
    new RegExp(`${field}:(\\d+)`).exec(await admin.info())?.[1];
  const pair: Pair = {
    connect: () =>
      redisBackend({ client: makeClient.redis(proxy.port), markMs: 100, timeoutMs: 1000 }),
    async untilInStep() {
      await waitFor(
        "the replica",
        async () => {
          const [sent, received] = [
            await offset(first, "master_repl_offset"),
            await offset(second, "slave_repl_offset"),
          ];
          return sent !== undefined && sent === received;
        },
        { timeoutMs: 20_000 },
      );
    },
    stopReplication: async () => void (await second.command(["REPLICAOF", "NO", "ONE"])),
    emptyReplica: async () => void (await second.command(["FLUSHALL"])),
    async failOver() {
      await primary.kill();
      await second.command(["REPLICAOF", "NO", "ONE"]);
      proxy.retarget(replica.port);
      proxy.reset();
    },
    [Symbol.asyncDispose]: async () => stack.dispose(),
  };
  await pair.untilInStep();
  return pair;
}

/** Node 20 has no AsyncDisposableStack. */
class AsyncDisposableStackLike {
  readonly #items: AsyncDisposable[] = [];
  add<T extends AsyncDisposable>(item: T): T {
    this.#items.push(item);
    return item;
  }
  async dispose(): Promise<void> {
    for (const item of this.#items.toReversed()) await item[Symbol.asyncDispose]();
  }
}
