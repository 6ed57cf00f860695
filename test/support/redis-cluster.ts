import { findProgram } from "./find-program.ts";
import { freePort } from "./ports.ts";
import { runProcess } from "./processes.ts";
import { type RedisServer, startRedis } from "./redis.ts";
import { waitFor } from "./wait-for.ts";

/** Three masters that share the slots, without replicas. */
export interface RedisCluster extends AsyncDisposable {
  readonly nodes: readonly RedisServer[];
  /** Runs a command on the given node, and resolves to the output of redis-cli. */
  command(port: number, ...words: readonly string[]): Promise<string>;
  /** The node that holds the slot of this hash tag. */
  holderOf(tag: string): Promise<RedisServer>;
  /** Moves the tag's slot, with all its keys, to another node. */
  move(tag: string, to: RedisServer): Promise<void>;
}

const SLOTS = 16_384;
const NODES = 3;

/** Starts a Redis Cluster (7.0 or later) of the test's own. */
export async function startRedisCluster(): Promise<RedisCluster> {
  const cli = (await findProgram("redis")).replace(/(redis|valkey)-server$/, "$1-cli");
  const busPorts = await Promise.all(Array.from({ length: NODES }, freePort));
  const nodes = await Promise.all(busPorts.map(async (busPort) => startNode(busPort)));

  const command = async (port: number, ...words: readonly string[]): Promise<string> =>
    (await runProcess(cli, ["-p", String(port), ...words])).trim();

  const cluster: RedisCluster = {
    nodes,
    command,
    async holderOf(tag) {
      const [first] = nodes as [RedisServer];
      const slot = Number(await command(first.port, "CLUSTER", "KEYSLOT", tag));
      for (const line of (await command(first.port, "CLUSTER", "NODES")).split("\n")) {
        const [, address = "", , , , , , , ...ranges] = line.split(" ");
        const holds = ranges.some((range) => {
          const [from = -1, to = from] = range.split("-").map(Number);
          return from <= slot && slot <= to;
        });
        const port = Number(/:(\d+)@/.exec(address)?.[1]);
        const node = holds ? nodes.find((each) => each.port === port) : undefined;
        if (node) return node;
      }
      throw new Error(`No node holds slot ${slot}`);
    },
    async move(tag, to) {
      const from = await cluster.holderOf(tag);
      const slot = await command(from.port, "CLUSTER", "KEYSLOT", tag);
      const [fromId, toId] = await Promise.all(
        [from, to].map(async ({ port }) => command(port, "CLUSTER", "MYID")),
      );
      await command(to.port, "CLUSTER", "SETSLOT", slot, "IMPORTING", fromId as string);
      await command(from.port, "CLUSTER", "SETSLOT", slot, "MIGRATING", toId as string);
      for (;;) {
        const keys = await command(from.port, "CLUSTER", "GETKEYSINSLOT", slot, "100");
        if (keys === "") break;
        const target = ["127.0.0.1", String(to.port), "", "0", "5000"];
        await command(from.port, "MIGRATE", ...target, "KEYS", ...keys.split("\n"));
      }
      for (const { port } of [to, from, ...nodes]) {
        await command(port, "CLUSTER", "SETSLOT", slot, "NODE", toId as string);
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(nodes.map(async (node) => node[Symbol.asyncDispose]()));
    },
  };

  try {
    await join(cluster, busPorts);
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
  return cluster;
}

async function startNode(busPort: number): Promise<RedisServer> {
  // The bus between nodes would listen 10,000 ports higher, which may be beyond the last one.
  return startRedis({ args: ["--cluster-enabled", "yes", "--cluster-port", String(busPort)] });
}

async function join({ nodes, command }: RedisCluster, busPorts: readonly number[]): Promise<void> {
  const [first] = nodes as [RedisServer];
  const share = Math.ceil(SLOTS / nodes.length);
  for (const [index, { port }] of nodes.entries()) {
    const range = [index * share, Math.min((index + 1) * share, SLOTS) - 1].map(String);
    await command(port, "CLUSTER", "ADDSLOTSRANGE", ...range);
    await command(port, "CLUSTER", "SET-CONFIG-EPOCH", String(index + 1));
    if (index === 0) continue;
    const bus = String(busPorts[index]);
    await command(first.port, "CLUSTER", "MEET", "127.0.0.1", String(port), bus);
  }
  for (const { port } of nodes) {
    await waitFor("the cluster to be whole", async () => {
      const info = await command(port, "CLUSTER", "INFO");
      return info.includes("cluster_state:ok") && info.includes("cluster_slots_ok:16384");
    });
  }
}
