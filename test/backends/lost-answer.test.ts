import { expect, test } from "vitest";

import { type Backend, createBus } from "../../packages/sse-bus/src/index.ts";
import { startNats } from "../support/nats.ts";
import { startPostgres } from "../support/postgres.ts";
import { startRedis } from "../support/redis.ts";
import type { TcpProxy } from "../support/tcp-proxy.ts";
import { waitFor } from "../support/wait-for.ts";
import { subscribe } from "./subscriber.ts";
import { createNatsLog } from "./nats-log.ts";
import { createPostgresLog } from "./postgres-log.ts";
import { createRedisLog, makeClient } from "./redis-log.ts";

interface Log extends AsyncDisposable {
  connect(): Promise<Backend>;
  proxyOf(backend: Backend): TcpProxy;
}

test.each<[string, () => Promise<[AsyncDisposable, Log]>]>([
  [
    "Redis",
    async () => on(await startRedis(), (server) => createRedisLog(server, makeClient.redis)),
  ],
  ["NATS", async () => on(await startNats(), createNatsLog)],
  ["Postgres", async () => on(await startPostgres(), (server) => createPostgresLog(server, "pg"))],
])(
  "%s: a publish whose response was lost is stored exactly once, however often it is retried",
  async (_name, start) => {
    const [server, log] = await start();
    await using _server = server;
    await using _log = log;
    const [backend, onlooker] = [await log.connect(), await log.connect()];
    await using bus = createBus({ backend, onError() {} });
    await using other = createBus({ backend: onlooker, onError() {} });
    const { messages, gaps } = subscribe(other, { channel: "orders", after: await other.cursor() });
    await bus.publish("before", { channel: "orders" });
    await waitFor("the first message", () => messages.length === 1);

    const publish = async () => bus.publish("paid", { channel: "orders", id: "order-42-paid" });
    log.proxyOf(backend).deafen();
    const unanswered = publish().catch((error: unknown) => error);
    await waitFor("the message to be stored", () => messages.length === 2);
    log.proxyOf(backend).reset();
    expect(await unanswered).toMatchObject({ name: "SseBusError", code: "BACKEND_UNAVAILABLE" });

    const again = await waitFor("an answer", publish, { timeoutMs: 15_000 });
    expect(again).toMatchObject({ id: messages[1]?.id, duplicate: true });
    expect(await publish()).toMatchObject({ id: messages[1]?.id, duplicate: true });
    const last = await bus.publish("after", { channel: "orders" });
    await waitFor("the last message", () => messages.at(-1)?.id === last.id);
    expect(messages.map(({ data }) => data)).toEqual(["before", "paid", "after"]);
    expect(gaps).toEqual([]);
  },
);

async function on<Server extends AsyncDisposable>(
  server: Server,
  createLog: (server: Server) => Log,
): Promise<[Server, Log]> {
  return [server, createLog(server)];
}
