import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { afterAll, beforeAll, expect, test } from "vitest";

import { natsBackend } from "../../packages/sse-bus/src/nats/index.ts";
import { type NatsServer, startNats } from "../support/nats.ts";
import { freePort } from "../support/ports.ts";
import { waitFor } from "../support/wait-for.ts";
import { type NatsInstance, openInstance } from "./nats-instance.ts";

const NAMES = ["one", "two", "three"];
const STREAM = "clustered";

let servers: NatsServer[];
beforeAll(async () => {
  const ports = await Promise.all(NAMES.map(freePort));
  const routes = ports.map((port) => `nats://127.0.0.1:${port}`);
  servers = await Promise.all(
    NAMES.map(async (name, index) =>
      startNats({
        args: ["-n", name, "--cluster_name", "test", "--cluster", routes[index] as string].concat([
          "--routes",
          routes.join(","),
        ]),
      }),
    ),
  );
});
afterAll(async () => {
  for (const server of servers) await server[Symbol.asyncDispose]();
});

test("a cluster that loses one server after the other, including its stream's leader, loses and duplicates nothing", async () => {
  // The cluster elects a leader before it creates streams.
  const one = await waitFor("the cluster to create a stream", async () => openOn(0), {
    timeoutMs: 30_000,
  });
  await using _ = one;
  await using two = await openOn(1);
  const received = await Promise.all([one.listen("**"), two.listen("a/*")]);
  const sent: number[] = [];
  let isDone = false;
  const publishers = [one, two].map(async (instance, offset) => {
    for (let n = offset; !isDone; n += 2) {
      await publishUntilStored(instance, n);
      sent.push(n);
    }
  });

  for (let round = 0; round < 3; round++) {
    const before = sent.length;
    await waitFor("messages in flight", () => sent.length > before + 50, { timeoutMs: 30_000 });
    const victim = servers[NAMES.indexOf(await leader())] as NatsServer;
    await victim.kill();
    const killed = sent.length;
    await waitFor("messages without it", () => sent.length > killed + 50, { timeoutMs: 30_000 });
    await victim.start();
    await waitFor("all replicas to be current", isWhole, { timeoutMs: 30_000 });
  }
  isDone = true;
  await Promise.all(publishers);

  for (const { data, losses, seqs } of received) {
    await waitFor("the last message", () => data.length >= sent.length, { timeoutMs: 20_000 });
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
    expect(data).toHaveLength(sent.length);
    expect(new Set(data)).toEqual(new Set(sent));
    expect(losses).toEqual([]);
  }
  expect([one.restarts, two.restarts]).toEqual([[], []]);
}, 180_000);

async function openOn(first: number): Promise<NatsInstance> {
  const ports = [...servers.slice(first), ...servers.slice(0, first)].map(({ port }) => port);
  return openInstance(
    natsBackend({
      stream: STREAM,
      replicas: 3,
      heartbeatMs: 250,
      requestTimeoutMs: 1000,
      connection: async () =>
        connect({
          servers: ports.map((port) => `127.0.0.1:${port}`),
          noRandomize: true,
          maxReconnectAttempts: -1,
          reconnectTimeWait: 50,
          timeout: 1000,
        }),
    }),
  );
}

/** Publishes until it is stored; the id ensures that it is stored once. */
async function publishUntilStored(instance: NatsInstance, n: number): Promise<void> {
  await waitFor(
    `message ${n} to be stored`,
    async () => instance.publish("a/b", n, { id: `message ${n}` }),
    { timeoutMs: 30_000 },
  );
}

async function leader(): Promise<string> {
  return waitFor("a leader", async () => (await clusterOf()).leader, { timeoutMs: 30_000 });
}

async function isWhole(): Promise<boolean> {
  const { leader, replicas = [] } = await clusterOf();
  return leader !== undefined && replicas.length === 2 && replicas.every(({ current }) => current);
}

async function clusterOf() {
  const ports = servers.map(({ port }) => `127.0.0.1:${port}`);
  await using connection = await connect({ servers: ports, timeout: 1000 });
  const { cluster } = await (await jetstreamManager(connection)).streams.info(STREAM);
  return cluster as { leader?: string; replicas?: { current: boolean }[] };
}
