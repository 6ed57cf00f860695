import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createBus } from "../../packages/sse-bus/src/index.ts";
import { messageJson } from "../../packages/sse-bus/src/core/message.ts";
import { PUBLISH } from "../../packages/sse-bus/src/redis/publish-script.ts";
import { redisBackend } from "../../packages/sse-bus/src/redis/index.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { waitFor } from "../support/wait-for.ts";
import {
  asError,
  connectAdmin,
  epochOf,
  publishUntilStored,
  openBus,
  seqOf,
} from "./redis-helpers.ts";
import { subscribe } from "./subscriber.ts";
import { createRedisLog, makeClient, type RedisLog } from "./redis-log.ts";

describe.each(Object.entries(makeClient))("over %s", (name, make) => {
  let server: RedisServer;
  let log: RedisLog;
  beforeAll(async () => {
    server = await startRedis({ persist: true });
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  test("connections killed repeatedly at the server cause no loss and no gap", async () => {
    await using _log = (log = createRedisLog(server, make));
    await using publisher = openBus(await log.connect());
    await using bus = openBus(await log.connect());
    const subscriber = subscribe(bus, { channel: "**", after: await bus.cursor() });
    const sent: string[] = [];
    let isDone = false;
    const publishing = (async () => {
      while (!isDone) sent.push(await publishUntilStored(publisher, `room/${sent.length % 7}`));
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
    await waitFor("the last message", () => subscriber.ids.at(-1) === sent.at(-1));
    expect(subscriber.ids).toEqual(sent);
    expect(subscriber.gaps).toEqual([]);
  });

  test("a server killed under load and restarted from its disk loses nothing acknowledged", async () => {
    await using _log = (log = createRedisLog(server, make));
    await using publisher = openBus(await log.connect());
    await using bus = openBus(await log.connect());
    const subscriber = subscribe(bus, { channel: "**", after: await bus.cursor() });
    const sent: string[] = [];
    for (let round = 0; round < 2; round++) {
      for (let n = 0; n < 30; n++) sent.push(await publishUntilStored(publisher, `room/${n % 3}`));
      await server.kill();
      await server.start();
    }
    sent.push(await publishUntilStored(publisher, "room/last"));
    await waitFor("the last message", () => subscriber.ids.at(-1) === sent.at(-1));
    expect(subscriber.ids).toEqual(sent);
    expect(subscriber.gaps).toEqual([]);
  });

  /** What another program with permission to publish may send: the text for a live channel, by name. */
  const foreign: Record<string, (epoch: string, seq: number) => string> = {
    "text without a position": () => "garbage",
    "attributes that are not JSON, far ahead": (epoch, seq) =>
      `${epoch} ${seq + 1000} ${Date.now()} ${seq}\nnotjson\n{}`,
    "data that is not JSON, as the next message": (epoch, seq) =>
      `${epoch} ${seq + 1} ${Date.now()} ${seq}\n\n{`,
    "a well-formed message far ahead": (epoch, seq) =>
      `${epoch} ${seq + 1000} ${Date.now()} ${seq}\n\n"forged"`,
    "a well-formed message beyond any rate": (epoch, seq) =>
      `${epoch} ${seq + 10 ** 9} ${Date.now()} ${seq}\n\n"forged"`,
    "a well-formed message at the next position": (epoch, seq) =>
      `${epoch} ${seq + 1} ${Date.now()} ${seq}\n\n"forged"`,
    "a message of an unknown epoch": (_, seq) =>
      `unknown0 ${seq + 1} ${Date.now()} ${seq}\n\n"forged"`,
    "a message that follows one that was never sent": (epoch, seq) =>
      `${epoch} ${seq + 9} ${Date.now()} ${seq + 8}\n\n"forged"`,
  };

  test.each(Object.entries(foreign))(
    "%s on a live channel: later messages arrive, or a gap is reported",
    async (_, textOf) => {
      await using _log = (log = createRedisLog(server, make));
      await using bus = openBus(await log.connect());
      await using admin = await connectAdmin(server.port);
      const subscriber = subscribe(bus, { channel: "a", after: await bus.cursor() });
      const first = await bus.publish("one", { channel: "a" });
      await waitFor("the first message", () => subscriber.data.includes("one"));
      const text = textOf(epochOf(first.id) as string, seqOf(first.id));
      const receivers = await admin.command(["PUBLISH", `{${log.prefix}}:live:a`, text]);
      expect(receivers).toBe(1);
      await publishUntilStored(bus, "b");
      const own = ["two", "three", "four"];
      for (const data of own) {
        await bus.publish(data, { channel: "a" });
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
      await waitFor("the last message", () => subscriber.data.at(-1) === "four");
      const isWhole = own.every((data) => subscriber.data.includes(data));
      expect(isWhole || subscriber.gaps.length > 0).toBe(true);
      await waitFor("the bus to be up", () => bus.stats().status === "up");
    },
  );

  test("a head marker of another program causes no more than a gap", async () => {
    await using _log = (log = createRedisLog(server, make));
    await using bus = openBus(await log.connect());
    await using admin = await connectAdmin(server.port);
    const subscriber = subscribe(bus, { channel: "a", after: await bus.cursor() });
    const first = await bus.publish("one", { channel: "a" });
    const epoch = epochOf(first.id);
    for (const text of [
      "garbage",
      `${epoch} ${seqOf(first.id) + 1000} ${Date.now()} other.1`,
      `unknown0 ${seqOf(first.id) + 1} ${Date.now()} other.2`,
    ]) {
      await admin.command(["PUBLISH", `{${log.prefix}}:marks`, text]);
      await bus.publish(text, { channel: "a" });
      await waitFor(
        "the message, or a gap",
        () => subscriber.data.includes(text) || subscriber.gaps.length > 0,
      );
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    await bus.publish("last", { channel: "a" });
    await waitFor("the last message", () => subscriber.data.at(-1) === "last");
  });

  test("an unreadable entry of a stream is reported and omitted", async () => {
    await using _log = (log = createRedisLog(server, make));
    const errors: Error[] = [];
    const backend = await log.connect();
    await using bus = createBus({ backend, onError: (error) => void errors.push(error) });
    await using admin = await connectAdmin(server.port);
    const first = await bus.publish(1, { channel: "a" });
    await bus.publish(2, { channel: "b" });
    const entry = ["XADD", `{${log.prefix}}:log:a`, `${seqOf(first.id) + 1}-0`];
    await admin.command([...entry, "t", String(Date.now()), "h", "", "j", "{"]);
    await bus.publish(3, { channel: "a" });
    expect((await backend.read("a")).messages.map(messageJson)).toEqual(["1", "3"]);
    expect(errors).toMatchObject([{ code: "INVALID_DATA" }]);
  });

  test("an outage of half a second has no effect: publishes wait for its end, and there is no gap", async () => {
    await using _log = (log = createRedisLog(server, make));
    const backend = await log.connect({ waitMs: 3000 });
    await using bus = openBus(backend);
    const subscriber = subscribe(bus, { channel: "a", after: await bus.cursor() });
    const sent = [(await bus.publish(1, { channel: "a" })).id];
    const proxy = log.proxyOf(backend);
    await proxy.cut();
    await waitFor("the outage", () => bus.stats().status === "down");
    const waiting = [2, 3].map(async (n) => (await bus.publish(n, { channel: "a" })).id);
    const mended = new Promise((resolve) => setTimeout(resolve, 500)).then(proxy.mend);
    sent.push(...(await Promise.all(waiting)));
    await mended;
    await waitFor("the last message", () => subscriber.ids.at(-1) === sent.at(-1));
    expect(subscriber.data).toEqual([1, 2, 3]);
    expect([subscriber.ids, subscriber.gaps]).toEqual([sent, []]);
  });

  test("a server that hangs is detected, and publishes reject; when it resumes, nothing is missing", async () => {
    await using _log = (log = createRedisLog(server, make));
    await using bus = openBus(await log.connect({ timeoutMs: 1000, waitMs: 100 }));
    const subscriber = subscribe(bus, { channel: "a", after: await bus.cursor() });
    const first = await bus.publish(1, { channel: "a" });
    server.pause();
    const lost = bus.publish(2, { channel: "a", id: "retried" });
    await expect(lost).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
    await waitFor("the hang to be detected", () => bus.stats().status === "down");
    server.resume();
    await waitFor("the server to be back", () => bus.stats().status === "up");
    // The server had already received it: the response was lost, and the retry finds the first one.
    const retried = await bus.publish(2, { channel: "a", id: "retried" });
    const last = await bus.publish(3, { channel: "a" });
    await waitFor("the last message", () => subscriber.ids.at(-1) === last.id);
    expect(subscriber.ids).toEqual([first.id, retried.id, last.id]);
    expect(subscriber.gaps).toEqual([]);
  });

  test("a process that is paused for longer than the deadline does not treat its server as dead", async () => {
    await using _log = (log = createRedisLog(server, make));
    const errors: Error[] = [];
    const backend = await log.connect({ timeoutMs: 500, markMs: 50 });
    await using bus = createBus({ backend, onError: (error) => void errors.push(error) });
    const subscriber = subscribe(bus, { channel: "a", after: await bus.cursor() });
    const sent: string[] = [];
    for (let round = 0; round < 3; round++) {
      const published = bus.publish(round, { channel: "a" });
      // In flight, and answered while this process cannot read.
      await new Promise((resolve) => setImmediate(resolve));
      const until = performance.now() + 1200;
      while (performance.now() < until);
      sent.push((await published).id);
    }
    await waitFor("all of them", () => subscriber.ids.length === sent.length);
    expect(subscriber.ids).toEqual(sent);
    expect([errors, bus.stats().status]).toEqual([[], "up"]);
  });

  test("a full server rejects publishes with its reason, stores nothing, and readers continue", async () => {
    await using _log = (log = createRedisLog(server, make));
    await using admin = await connectAdmin(server.port);
    const backend = await log.connect();
    await using bus = openBus(backend);
    const subscriber = subscribe(bus, { channel: "a", after: await bus.cursor() });
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
    await waitFor("the last message", () => subscriber.ids.at(-1) === after.id);
    expect(subscriber.ids).toEqual([before.id, after.id]);
    expect((await backend.read("a")).messages.map(({ seq }) => seq)).toHaveLength(1);
  });

  test("a server that became a replica rejects publishes, and is reported as down until it is a primary again", async () => {
    await using _log = (log = createRedisLog(server, make));
    await using admin = await connectAdmin(server.port);
    await using bus = openBus(await log.connect({ waitMs: 100 }));
    const subscriber = subscribe(bus, { channel: "a", after: await bus.cursor() });
    const sent = [(await bus.publish(1, { channel: "a" })).id];
    await admin.command(["REPLICAOF", "127.0.0.1", "1"]);
    try {
      const refused = await bus.publish(2, { channel: "a" }).catch(asError);
      expect(refused).toMatchObject({ code: "BACKEND_UNAVAILABLE" });
      expect((refused as Error).message).toContain("READONLY");
      await waitFor("it to be reported as down", () => bus.stats().status === "down");
    } finally {
      await admin.command(["REPLICAOF", "NO", "ONE"]);
    }
    sent.push(await publishUntilStored(bus, "a"));
    await waitFor("the last message", () => subscriber.ids.at(-1) === sent.at(-1));
    expect(subscriber.ids).toEqual(sent);
    expect(subscriber.gaps).toEqual([]);
    expect(bus.stats().status).toBe("up");
  });

  test("flushed data under open connections changes the epoch: one gap, then all new messages", async () => {
    await using own = await startRedis();
    await using _log = (log = createRedisLog(own, make));
    await using admin = await connectAdmin(own.port);
    await using one = openBus(await log.connect());
    await using two = openBus(await log.connect());
    const subscriber = subscribe(two, { channel: "a/*", after: await two.cursor() });
    const old = [
      await one.publish(1, { channel: "a/1" }),
      await one.publish(2, { channel: "a/2" }),
    ];
    await waitFor("the old messages", () => subscriber.ids.length === 2);
    await admin.command(["FLUSHALL"]);
    const fresh = await one.publish(3, { channel: "a/1" });
    await waitFor("the new message", () => subscriber.ids.length === 3);
    expect(subscriber.ids).toEqual([...old.map(({ id }) => id), fresh.id]);
    expect(subscriber.gaps.map(({ reason }) => reason)).toEqual(["restarted"]);
    expect(epochOf(fresh.id)).not.toBe(epochOf(old[0]?.id ?? ""));
  });

  test("a message that was stored but not delivered is recovered by the next one, and neither is missing", async () => {
    await using _log = (log = createRedisLog(server, make));
    await using bus = openBus(await log.connect());
    await using admin = await connectAdmin(server.port);
    const subscriber = subscribe(bus, { channel: "a", after: await bus.cursor() });
    const first = await bus.publish(1, { channel: "a" });
    const tag = `{${log.prefix}}`;
    const keys = [`${tag}:bus`, `${tag}:log:a`, `${tag}:newest:a`];
    const channel = ["a", "nowhere:", "floor", "1000", "1000000", "1000000"];
    const message = ["1", "", '"unannounced"', "", ""];
    const args = ["e", "1000", "PUBLISH", "", "1", ...channel, ...message];
    await admin.command(["EVAL", PUBLISH.text, "3", ...keys, ...args]);
    const last = await bus.publish(3, { channel: "a" });
    await waitFor("the last message", () => subscriber.ids.at(-1) === last.id);
    expect(subscriber.ids).toHaveLength(3);
    expect(subscriber.data).toEqual([1, "unannounced", 3]);
    expect(subscriber.ids[0]).toBe(first.id);
    expect(subscriber.gaps).toEqual([]);
  });

  test("buses of one prefix on two logical databases do not receive each other's messages", async () => {
    await using _log = (log = createRedisLog(server, make));
    const prefix = `db-${name}`;
    const client =
      name === "redis"
        ? createClient({ url: `redis://127.0.0.1:${server.port}`, database: 3 })
        : makeClient.ioredis(server.port).duplicate({ db: 3 });
    await using zero = openBus(await log.connect({ prefix }));
    await using three = openBus(redisBackend({ client, prefix, markMs: 100 }));
    const [here, there] = [
      subscribe(zero, { channel: "**", after: await zero.cursor() }),
      subscribe(three, { channel: "**", after: await three.cursor() }),
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
