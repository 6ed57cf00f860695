import { readFile } from "node:fs/promises";
import { Cluster } from "ioredis";
import { createCluster } from "redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createBus } from "../../packages/sse-bus/src/index.ts";
import { testBackend } from "../../packages/sse-bus/src/testing/index.ts";
import { redisBackend } from "../../packages/sse-bus/src/redis/index.ts";
import { type RedisCluster, startRedisCluster } from "../support/redis-cluster.ts";
import { waitFor } from "../support/wait-for.ts";
import { subscribe, subscribeLive } from "./subscriber.ts";
import {
  createRedisClusterLog,
  makeClusterClient,
  type RedisClusterLog,
} from "./redis-cluster-log.ts";
import { makeClient } from "./redis-log.ts";

/** The differences of a cluster: how nodes are found, and how messages arrive. `pnpm test:long` runs all. */
const isOfCluster = process.env.SSE_BUS_LONG_TESTS
  ? /^/
  : /^(live|batch|data loss|recovery: an instance|bus: listeners that come|outage: open|close: it leaves)/;

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startRedisCluster();
});
afterAll(async () => cluster[Symbol.asyncDispose]());

describe.each(Object.entries(makeClusterClient))("a cluster over %s", (_name, make) => {
  testBackend<RedisClusterLog>({
    test: (name, run) => void (isOfCluster.test(name) && test(name, run)),
    createLog: () => createRedisClusterLog(cluster, make),
    connect: async (log) => log.connect({ waitMs: 200, timeoutMs: 3000 }),
    deleteLog: async (log) => log[Symbol.asyncDispose](),
    // The nodes are unreachable but running: a cluster takes seconds to start again.
    outage: { stop: async (log) => log.cutAll(), start: async (log) => log.mendAll() },
    partition: {
      cut: async (log, backend) => log.cut(backend),
      mend: async (log, backend) => log.mend(backend),
    },
    async loseData() {
      for (const { port } of cluster.nodes) await cluster.command(port, "FLUSHALL");
    },
  });

  test("a slot can move to another node under load: no message is lost, and there is no gap", async () => {
    await using log = createRedisClusterLog(cluster, make);
    // As many as are published during a move: with a shorter history, a gap would be correct.
    const keeping = { history: { maxMessages: 100_000 }, onError() {} };
    await using publisher = createBus({ backend: await log.connect(), ...keeping });
    await using bus = createBus({ backend: await log.connect(), ...keeping });
    const after = await bus.cursor();
    const subscribers = ["a/1", "a/*"].map((channel) => subscribe(bus, { channel, after }));
    const sent: string[] = [];
    let isDone = false;
    const publishing = (async () => {
      for (let n = 0; !isDone; n++) sent.push(await publishUntilStored(n));
    })();
    async function publishUntilStored(n: number): Promise<string> {
      const options = { channel: "a/1", id: `${log.prefix} ${n}` };
      return waitFor(
        `message ${n} to be stored`,
        async () => (await publisher.publish(n, options)).id,
        { timeoutMs: 15_000 },
      );
    }
    for (let round = 0; round < 2; round++) {
      const before = sent.length;
      await waitFor("messages in flight", () => sent.length > before + 30);
      const holder = await cluster.holderOf(log.prefix);
      const other = cluster.nodes.find((node) => node !== holder);
      if (other) await cluster.move(log.prefix, other);
      const moved = sent.length;
      await waitFor("messages after it", () => sent.length > moved + 30, { timeoutMs: 15_000 });
    }
    isDone = true;
    await publishing;
    for (const { messages, gaps } of subscribers) {
      await waitFor("the last message", () => messages.at(-1)?.id === sent.at(-1));
      expect(messages.map(({ id }) => id)).toEqual(sent);
      expect(gaps).toEqual([]);
    }
  });
});

test.each(["redis", "ioredis"])(
  "the permissions in the guide, with those for a cluster, are enough for %s",
  async (library) => {
    const guide = await readFile(new URL("../../docs/backends/redis.md", import.meta.url), "utf8");
    const rule = /```\n(ACL SETUSER [^`]*)```/.exec(guide)?.[1]?.trim().split(/\s+/) ?? [];
    const more = /In a cluster add `([^`]*)`/.exec(guide)?.[1]?.split(" ") ?? [];
    for (const { port } of cluster.nodes) await cluster.command(port, ...rule, ...more);
    const user = { username: "sse-bus", password: "password" };
    const nodes = cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port }));
    const client =
      library === "redis"
        ? createCluster({ rootNodes: nodes.map((socket) => ({ socket })), defaults: user })
        : new Cluster(nodes, { lazyConnect: true, redisOptions: user });
    const errors: Error[] = [];
    const backend = redisBackend({ client, prefix: "sse-bus", markMs: 100 });
    await using bus = createBus({ backend, onError: (error) => void errors.push(error) });
    const subscriber = subscribe(bus, { channel: "a/*", after: await bus.cursor() });
    for (let n = 1; n <= 3; n++) await bus.publish(n, { channel: "a/1", key: "k", id: `acl ${n}` });
    await waitFor("all of it", () => subscriber.messages.length === 3);
    bus.subscribe(() => {}, { channel: "b" })();
    await bus.publish(4, { channel: "b" });
    expect(errors).toEqual([]);
    for (const { port } of cluster.nodes) await cluster.command(port, "FLUSHALL");
  },
);

test("pub/sub messages stay on the node that holds the bus", async () => {
  await using log = createRedisClusterLog(cluster, makeClusterClient.redis);
  await using bus = createBus({ backend: await log.connect() });
  const { messages } = subscribe(bus, { channel: "a/*" });
  await bus.publish(1, { channel: "a/1" });
  await waitFor("the message", () => messages.length === 1);
  const counts = cluster.nodes.map(async (node) => {
    const shards = await cluster.command(node.port, "PUBSUB", "SHARDCHANNELS", `{${log.prefix}}*`);
    const plain = await cluster.command(node.port, "PUBSUB", "CHANNELS", `{${log.prefix}}*`);
    return [node === (await cluster.holderOf(log.prefix)), shards !== "", plain !== ""];
  });
  for (const [isHolder, isSharded, isPlain] of await Promise.all(counts)) {
    expect([isSharded, isPlain]).toEqual([isHolder, false]);
  }
});

test("an instance whose pub/sub mode differs from that of its bus is rejected, with the setting to change", async () => {
  await using log = createRedisClusterLog(cluster, makeClusterClient.redis);
  await using bus = createBus({ backend: await log.connect() });
  await bus.publish(1);
  const { port } = await cluster.holderOf(log.prefix);
  const options = { client: makeClient.redis(port), prefix: log.prefix };
  await using plain = createBus({ backend: redisBackend(options), onError() {} });
  await expect(plain.publish(2)).rejects.toMatchObject({
    code: "INVALID_OPTION",
    message: expect.stringContaining("`sharded`"),
  });
  // A client of one node works if it uses the same mode.
  await using one = createBus({ backend: redisBackend({ ...options, sharded: true }) });
  const { messages } = await subscribeLive(bus, { channel: "a" });
  await one.publish(3, { channel: "a" });
  await waitFor("the message", () => messages.length === 1);
});
