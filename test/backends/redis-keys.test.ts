import { readFile } from "node:fs/promises";
import { createClient } from "redis";
import { describe, expect, test, vi } from "vitest";

import { createBus } from "../../packages/sse-bus/src/index.ts";
import { redisBackend } from "../../packages/sse-bus/src/redis/index.ts";
import { startRedis } from "../support/redis.ts";
import { waitFor } from "../support/wait-for.ts";
import { asError, connectAdmin, openBus } from "./redis-helpers.ts";
import { subscribe } from "./subscriber.ts";
import { createRedisLog, makeClient } from "./redis-log.ts";

describe("keys", () => {
  test("all keys of a bus are in one slot, so that a cluster accepts every script", async () => {
    await using server = await startRedis({ args: ["--cluster-enabled", "yes"] });
    await using admin = await connectAdmin(server.port);
    await admin.command(["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    await waitFor("the cluster", async () =>
      String(await admin.command(["CLUSTER", "INFO"])).includes("cluster_state:ok"),
    );
    await using log = createRedisLog(server, makeClient.redis);
    await using bus = openBus(await log.connect());
    const subscriber = subscribe(bus, { channel: "a/*", after: await bus.cursor() });
    const options = { channel: "a/1", key: "k", id: "once" };
    const first = await bus.publish(1, options);
    expect(await bus.publish(1, options)).toMatchObject({ id: first.id, duplicate: true });
    const second = await bus.publish(2, { channel: "a/2" });
    await waitFor("both", () => subscriber.ids.length === 2);
    const again = subscribe(bus, { channel: "**", after: first.id });
    await waitFor("the second", () => again.ids.length === 1);
    expect([subscriber.ids, again.ids]).toEqual([[first.id, second.id], [second.id]]);
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
      const subscriber = subscribe(bus, { channel: "a/*", after: await bus.cursor() });
      await bus.publish(0, { channel: "gone/1" });
      for (let n = 1; n <= 4; n++) await bus.publish(n, { channel: "a/1", key: "k", id: `${n}` });
      for (let n = 5; n <= 8; n++) await bus.publish(n, { channel: "a/2" });
      await waitFor("all of it", () => subscriber.data.length === 8);
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

  test("a topic without permission to subscribe is rejected alone, and the others continue", async () => {
    await using server = await startRedis();
    await using admin = await connectAdmin(server.port);
    const user = ["ACL", "SETUSER", "narrow", "on", ">password", "~*", "+@all", "resetchannels"];
    await admin.command([...user, "&{sse-bus}*"]);
    const client = createClient({ url: `redis://narrow:password@127.0.0.1:${server.port}` });
    const backend = redisBackend({ client, markMs: 20 });
    await using bus = openBus(backend);
    const subscriber = subscribe(bus, { channel: "a", after: await bus.cursor() });
    const first = await bus.publish(1, { channel: "a" });
    // A pattern must be in the user's rules letter by letter.
    const refused = await backend.subscribe("a/*", { message() {}, lost() {} }).catch(asError);
    expect(refused).toMatchObject({ code: "BACKEND_UNAVAILABLE" });
    expect((refused as Error).message).toContain("NOPERM");
    expect(bus.stats().status).toBe("up");
    const second = await bus.publish(2, { channel: "a" });
    await waitFor("both messages", () => subscriber.ids.length === 2);
    expect(subscriber.ids).toEqual([first.id, second.id]);
  });

  test("a machine whose clock is ahead of the server's drops nothing that must be kept", async () => {
    await using server = await startRedis();
    await using log = createRedisLog(server, makeClient.redis);
    await using admin = await connectAdmin(server.port);
    const history = { maxAgeMs: 10_000 };
    const sweeps = async () =>
      Number(
        /cmdstat_hscan:calls=(\d+)/.exec(
          String(await admin.command(["INFO", "commandstats"])),
        )?.[1] ?? 0,
      );
    await using bus = createBus({ backend: await log.connect({ markMs: 20 }), history });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 15_000 });
    try {
      const { id } = await bus.publish("kept", { channel: "a" });
      const before = await sweeps();
      await waitFor("some sweeps", async () => (await sweeps()) > before + 5);
      const fields = await admin.command(["HKEYS", `{${log.prefix}}:bus`]);
      expect(fields).toContain("c:a");
      expect(await admin.command(["EXISTS", `{${log.prefix}}:log:a`])).toBe(1);
      expect(id).toBeTruthy();
    } finally {
      vi.useRealTimers();
    }
  });

  test("readers on a machine whose clock is ahead of the server's receive everything kept", async () => {
    await using server = await startRedis();
    await using log = createRedisLog(server, makeClient.redis);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 15_000 });
    try {
      await using bus = createBus({
        backend: await log.connect(),
        history: { maxAgeMs: 10_000 },
      });
      const { id } = await bus.publish(0, { channel: "a" });
      for (let n = 1; n <= 3; n++) await bus.publish(n, { channel: "a" });
      const subscriber = subscribe(bus, { channel: "a", after: id });
      await waitFor("what is kept", () => subscriber.data.length === 3);
      const wide = subscribe(bus, { channel: "**", after: id });
      await waitFor("what is kept", () => wide.data.length === 3);
      expect([subscriber.gaps, wide.gaps]).toEqual([[], []]);
    } finally {
      vi.useRealTimers();
    }
  });

  test("channels whose history has expired leave only a shared horizon", async () => {
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
    const subscriber = subscribe(bus, { channel: "gone/299", after: ids[0] });
    await waitFor("a gap for the dropped messages", () => subscriber.gaps.length === 1);
    const whole = subscribe(bus, { channel: "kept", after: kept.id });
    const next = await bus.publish("next", { channel: "kept" });
    await waitFor("the next one", () => whole.ids.length === 1);
    expect([whole.ids, whole.gaps]).toEqual([[next.id], []]);
  });
});
