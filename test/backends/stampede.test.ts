import { afterAll, beforeAll, expect, test } from "vitest";

import { type Backend, createBus } from "../../packages/sse-bus/src/index.ts";
import { createHub } from "../../packages/sse-bus/src/hub/index.ts";
import { type EventStream, openStream } from "../support/event-stream.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { waitFor } from "../support/wait-for.ts";
import { createRedisLog, makeClient } from "./redis-log.ts";

const CLIENTS = 2000;
const CHANNELS = Array.from({ length: 20 }, (_, n) => `stampede/${n}`);
const MESSAGES = 40;
/** How many connections are being opened at a time: the kernel's queue of a listener is short. */
const OPENING = 200;

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => server[Symbol.asyncDispose]());

test("2,000 clients that come back at once to a fresh instance cost one history read per channel", async () => {
  await using log = createRedisLog(server, makeClient.redis);
  await using publisher = createBus({ backend: await log.connect({ timeoutMs: 10_000 }) });
  const ids = new Map<string, string[]>();
  for (let n = 0; n < MESSAGES; n++) {
    for (const channel of CHANNELS) {
      const { id } = await publisher.publish(n, { channel });
      ids.set(channel, [...(ids.get(channel) ?? []), id]);
    }
  }

  const reads = new Map<string, number>();
  const fresh = countReads(await log.connect({ timeoutMs: 10_000 }), reads);
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
    await waitFor(
      "every client to have what it missed",
      () =>
        streams.every(({ lastEventId }, n) => {
          const { all } = plans[n] as (typeof plans)[number];
          return lastEventId === all.at(-1);
        }),
      { timeoutMs: 60_000 },
    );
    const tookMs = Math.round(performance.now() - startedAt);
    console.log(`${CLIENTS} clients on ${CHANNELS.length} channels were whole after ${tookMs} ms`);

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
}, 180_000);

function countReads(backend: Backend, reads: Map<string, number>): Backend {
  return {
    ...backend,
    async read(topic) {
      reads.set(topic, (reads.get(topic) ?? 0) + 1);
      return backend.read(topic);
    },
  };
}
