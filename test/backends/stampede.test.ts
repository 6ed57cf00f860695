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
/** The number of connections opened at a time: the kernel's accept queue is short. */
const OPENING = 200;

/** A log on its own server, with instances. */
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
/** One backend in every run: the counted reads are the engine's, the same for all. */
const tried = Object.entries(logs).slice(0, process.env.SSE_BUS_LONG_TESTS ? undefined : 1);

test.each(tried)(
  "%s: 2,000 clients that resume at once on a new instance cause one history read per channel",
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
    // Each from another position, like clients that disconnected at different times.
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
    // Not by `lastEventId`, which a heartbeat moves beyond the last message.
    const isBehind = ({ events }: EventStream, n: number): boolean =>
      events.findLast(({ event }) => event === "message")?.id !== plans[n]?.all.at(-1);
    await waitFor(
      "every client to have its missed messages",
      () => streams.every((stream, n) => !isBehind(stream, n)),
      { timeoutMs: 60_000 },
    ).catch((cause: unknown) => {
      const behind = streams.filter(isBehind);
      const [first] = behind;
      const seen = first?.events.map(({ event, data }) => `${event} ${data.slice(0, 80)}`);
      const state = [first?.lastEventId, ...(seen ?? [])].join("\n  ");
      throw new Error(`${behind.length} clients are behind; one of them received:\n  ${state}`, {
        cause,
      });
    });
    const tookMs = Math.round(performance.now() - startedAt);
    console.log(
      `${name}: ${CLIENTS} clients on ${CHANNELS.length} channels had everything after ${tookMs} ms`,
    );

    for (const [n, stream] of streams.entries()) {
      const { all, seen } = plans[n] as (typeof plans)[number];
      expect(messagesOf(stream)).toEqual(all.slice(seen + 1));
      expect(stream.events.some(({ event }) => event === "gap")).toBe(false);
    }
    // The process reads its control channel once, for all streams.
    const expected = [...CHANNELS, "~control"].map((name) => [name, 1]);
    expect(Object.fromEntries(reads)).toEqual(Object.fromEntries(expected));
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
