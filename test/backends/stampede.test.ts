import { expect, test } from "vitest";

import { type Backend, createBus } from "../../packages/sse-bus/src/index.ts";
import { createHub } from "../../packages/sse-bus/src/hub/index.ts";
import { type EventStream, openStream } from "../support/event-stream.ts";
import { startNats } from "../support/nats.ts";
import { startPostgres } from "../support/postgres.ts";
import { startRedis } from "../support/redis.ts";
import { waitFor } from "../support/wait-for.ts";
import { createNatsLog } from "./nats-log.ts";
import { createPostgresLog } from "./postgres-log.ts";
import { createRedisLog, makeClient } from "./redis-log.ts";

const CLIENTS = 2000;
const CHANNELS = Array.from({ length: 20 }, (_, n) => `stampede/${n}`);
const MESSAGES = 40;
/** How many connections are being opened at a time: the kernel's queue of a listener is short. */
const OPENING = 200;

/** A log on a server of its own, and instances on it. */
interface StampedeLog extends AsyncDisposable {
  connect(): Promise<Backend>;
}

const logs: Readonly<Record<string, () => Promise<StampedeLog>>> = {
  Redis: async () => {
    const server = await startRedis();
    const log = createRedisLog(server, makeClient.redis);
    return withServer(server, log, async () => log.connect({ timeoutMs: 10_000 }));
  },
  NATS: async () => {
    const server = await startNats();
    const log = createNatsLog(server);
    return withServer(server, log, async () => log.connect({ requestTimeoutMs: 10_000 }));
  },
  Postgres: async () => {
    const server = await startPostgres();
    const log = createPostgresLog(server, "pg");
    return withServer(server, log, async () => log.connect({ timeoutMs: 10_000 }));
  },
};
/** One of them in every run: what is counted is the engine's, the same for all. */
const tried = Object.entries(logs).slice(0, process.env.SSE_BUS_LONG_TESTS ? undefined : 1);

test.each(tried)(
  "%s: 2,000 clients that come back at once to a fresh instance cost one history read per channel",
  async (name, createLog) => stampede(name, createLog),
  180_000,
);

async function stampede(name: string, createLog: () => Promise<StampedeLog>): Promise<void> {
  await using log = await createLog();
  await using publisher = createBus({ backend: await log.connect() });
  const ids = new Map<string, string[]>();
  for (let n = 0; n < MESSAGES; n++) {
    for (const channel of CHANNELS) {
      ids.set(channel, [...(ids.get(channel) ?? []), (await publisher.publish(n, { channel })).id]);
    }
  }

  const reads = new Map<string, number>();
  const fresh = countReads(await log.connect(), reads);
  await using bus = createBus({ backend: fresh });
  await using hub = createHub({ bus });
  const url = await hub.listen(0);
  const streams: EventStream[] = [];
  const startedAt = performance.now();
  try {
    // Each from another place in history, as clients that were cut off at different times.
    const plans = Array.from({ length: CLIENTS }, (_, n) => {
      const channel = CHANNELS[n % CHANNELS.length] as string;
      const all = ids.get(channel) as string[];
      return { channel, all, seen: n % (MESSAGES - 1) };
    });
    let next = 0;
    const open = async (): Promise<void> => {
      for (let n = next++; n < plans.length; n = next++) {
        const { channel, all, seen } = plans[n] as (typeof plans)[number];
        streams[n] = await openStream(`${url}/sse?channel=${channel}`, {
          lastEventId: all[seen] as string,
          timeoutMs: 60_000,
        });
      }
    };
    await Promise.all(Array.from({ length: OPENING }, open));
    const messagesOf = ({ events }: EventStream): (string | undefined)[] =>
      events.filter(({ event }) => event === "message").map(({ id }) => id);
    // Not by `lastEventId`, which a heartbeat moves past the last message.
    const isBehind = ({ events }: EventStream, n: number): boolean =>
      events.findLast(({ event }) => event === "message")?.id !== plans[n]?.all.at(-1);
    await waitFor(
      "every client to have what it missed",
      () => streams.every((stream, n) => !isBehind(stream, n)),
      { timeoutMs: 60_000 },
    ).catch((cause: unknown) => {
      const behind = streams.filter(isBehind);
      const [first] = behind;
      const seen = first?.events.map(({ event, data }) => `${event} ${data.slice(0, 80)}`);
      const state = [first?.lastEventId, ...(seen ?? [])].join("\n  ");
      throw new Error(`${behind.length} clients are behind; of one has come:\n  ${state}`, {
        cause,
      });
    });
    const tookMs = Math.round(performance.now() - startedAt);
    console.log(
      `${name}: ${CLIENTS} clients on ${CHANNELS.length} channels were whole after ${tookMs} ms`,
    );

    for (const [n, stream] of streams.entries()) {
      const { all, seen } = plans[n] as (typeof plans)[number];
      expect(messagesOf(stream)).toEqual(all.slice(seen + 1));
      expect(stream.events.some(({ event }) => event === "gap")).toBe(false);
    }
    expect(Object.fromEntries(reads)).toEqual(
      Object.fromEntries(CHANNELS.map((name) => [name, 1])),
    );
  } finally {
    for (const stream of streams) stream?.destroy();
  }
}

function withServer(
  server: AsyncDisposable,
  log: AsyncDisposable,
  connect: () => Promise<Backend>,
): StampedeLog {
  return {
    connect,
    async [Symbol.asyncDispose]() {
      await log[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

function countReads(backend: Backend, reads: Map<string, number>): Backend {
  return {
    ...backend,
    async read(topic) {
      reads.set(topic, (reads.get(topic) ?? 0) + 1);
      return backend.read(topic);
    },
  };
}
