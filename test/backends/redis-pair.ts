import type { Backend } from "../../packages/sse-bus/src/index.ts";
import { redisBackend } from "../../packages/sse-bus/src/redis/index.ts";
import { startRedis } from "../support/redis.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { waitFor } from "../support/wait-for.ts";
import { type Admin, connectAdmin } from "./redis-helpers.ts";
import { makeClient } from "./redis-log.ts";

export interface Pair extends AsyncDisposable {
  connect(): Backend;
  /** Resolves when the replica has everything that the primary has. */
  untilInStep(): Promise<void>;
  /** Cuts the replica off from the primary. */
  stopReplication(): Promise<void>;
  emptyReplica(): Promise<void>;
  /** Kills the primary and promotes the replica, behind the same address. */
  failOver(): Promise<void>;
}

export async function startPair(): Promise<Pair> {
  const stack = new AsyncDisposableStackLike();
  const primary = stack.add(await startRedis({ args: ["--repl-diskless-sync-delay", "0"] }));
  const replica = stack.add(await startRedis());
  const proxy = stack.add(await startTcpProxy(primary.port));
  const [first, second] = [
    stack.add(await connectAdmin(primary.port)),
    stack.add(await connectAdmin(replica.port)),
  ];
  await second.command(["REPLICAOF", "127.0.0.1", String(primary.port)]);
  const field = async (admin: Admin, name: string): Promise<string | undefined> =>
    new RegExp(`^${name}:(\\w+)`, "m").exec(await admin.info())?.[1];
  const pair: Pair = {
    connect: () =>
      redisBackend({ client: makeClient.redis(proxy.port), markMs: 100, timeoutMs: 1000 }),
    async untilInStep() {
      await waitFor(
        "the replica",
        async () => {
          // Before the replica has loaded the first copy, both offsets are 0.
          if ((await field(second, "master_link_status")) !== "up") return false;
          const sent = await field(first, "master_repl_offset");
          return sent !== undefined && sent === (await field(second, "slave_repl_offset"));
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
