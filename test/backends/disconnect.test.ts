import { expect, test } from "vitest";
import { createHub } from "../../packages/sse-bus/src/hub/index.ts";
import { type Backend, type Bus, createBus } from "../../packages/sse-bus/src/index.ts";
import { type EventStream, openStream } from "../support/event-stream.ts";
import { watchMachine } from "../support/machine-stalls.ts";
import { startNats } from "../support/nats.ts";
import { startPostgres } from "../support/postgres.ts";
import { startRedis } from "../support/redis.ts";
import { createNatsLog } from "./nats-log.ts";
import { createPostgresLog } from "./postgres-log.ts";
import { createRedisLog, makeClient } from "./redis-log.ts";

const INSTANCES = 3;
const STREAMS = 500;
const USERS = ["ada", "bob"] as const;
const CHANNEL = "rooms/7";
/** How many streams are being opened at a time: the kernel's queue of a listener is short. */
const OPENING = 50;
const PACE_MS = 100;
/** How long an order may take to reach every stream. */
const MAX_MS = 1000;

interface SharedLog extends AsyncDisposable {
  connect(): Promise<Backend>;
}

/** Servers of their own, so that other tests cannot delay them. */
const logs: Readonly<Record<string, () => Promise<SharedLog>>> = {
  Redis: async () => {
    const server = await startRedis();
    return withServer(server, createRedisLog(server, makeClient.redis));
  },
  NATS: async () => {
    const server = await startNats();
    return withServer(server, createNatsLog(server));
  },
  Postgres: async () => {
    const server = await startPostgres();
    return withServer(server, createPostgresLog(server, "pg"));
  },
};

function withServer(server: AsyncDisposable, log: SharedLog): SharedLog {
  return {
    connect: async () => log.connect(),
    async [Symbol.asyncDispose]() {
      await log[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** A hub on a bus and a connection of its own, as one process of several has it. */
async function startInstance(log: SharedLog) {
  const bus = createBus({ backend: await log.connect() });
  const hub = createHub({
    bus,
    authorize: ({ request }) => {
      const id = request.headers.get("x-user");
      return id === null ? 401 : { identity: { id } };
    },
  });
  const url = await hub.listen(0);
  return {
    bus,
    url,
    async [Symbol.asyncDispose]() {
      await hub.close();
      await bus.close();
    },
  };
}

interface Client {
  readonly user: (typeof USERS)[number];
  readonly stream: EventStream;
  endedAt: number | undefined;
}

async function openClients(urls: readonly string[]): Promise<Client[]> {
  const clients: Client[] = [];
  let next = 0;
  const open = async (): Promise<void> => {
    for (let n = next++; n < STREAMS; n = next++) {
      const user = USERS[n % USERS.length] as Client["user"];
      const url = urls[n % urls.length] as string;
      const stream = await openStream(`${url}/sse?channel=${CHANNEL}`, {
        headers: { "x-user": user },
      });
      await stream.next("hello");
      const client: Client = { user, stream, endedAt: undefined };
      void stream.closed.then(() => (client.endedAt = performance.now()));
      clients.push(client);
    }
  };
  await Promise.all(Array.from({ length: OPENING }, open));
  return clients;
}

/** Publishes numbers on the channel, at a pace that one process can read for all clients, until it is stopped. */
function startPublishing(bus: Bus) {
  let isStopped = false;
  let count = 0;
  const running = (async () => {
    while (!isStopped) {
      await bus.publish(count++, { channel: CHANNEL });
      await new Promise((resolve) => setTimeout(resolve, PACE_MS));
    }
  })();
  // A test that fails closes the bus first.
  running.catch(() => {});
  return {
    /** How many have been given to `publish`. */
    count: () => count,
    async stop() {
      isStopped = true;
      await running;
      // Those before it may have been read already.
      await bus.publish(count++, { channel: CHANNEL });
      return count - 1;
    },
  };
}

function numbersOf({ stream }: Client): number[] {
  return stream.events.filter(({ event }) => event === "message").map(({ data }) => Number(data));
}

test.each(Object.keys(logs))(
  "%s: of 500 streams of two users on three instances, exactly those of the disconnected one end, and get nothing a second later",
  async (name) => {
    await using machine = await watchMachine();
    await using log = await (logs[name] as () => Promise<SharedLog>)();
    await using first = await startInstance(log);
    await using second = await startInstance(log);
    await using third = await startInstance(log);
    const instances = [first, second, third];
    expect(instances).toHaveLength(INSTANCES);
    const clients = await openClients(instances.map(({ url }) => url));
    const revoked = clients.filter(({ user }) => user === "ada");
    const others = clients.filter(({ user }) => user === "bob");
    const publishing = startPublishing(third.bus);
    await Promise.all(clients.map(({ stream }) => stream.next("message")));

    const calledAt = performance.now();
    const here = await first.bus.disconnect({ identity: "ada" }, { code: "BANNED" });
    const publishedBefore = publishing.count();
    await Promise.all(revoked.map(({ stream }) => stream.closed));
    const byes = revoked.map(({ stream }) => stream.events.at(-1)?.receivedAt ?? 0);
    const messages = revoked.map(({ stream }) => stream.events.at(-2)?.receivedAt ?? 0);
    const after = (times: number[]): number =>
      Math.round(Math.max(...times) - performance.timeOrigin - calledAt);
    console.log(
      `${name}: the last message came after ${after(messages)} ms, bye ${after(byes)} ms`,
    );
    const stalledMs = machine.between(calledAt, calledAt + after(messages));
    expect(after(messages), `the machine stalled for ${stalledMs} ms`).toBeLessThan(
      MAX_MS + stalledMs,
    );
    const last = await publishing.stop();
    await Promise.all(
      others.map(({ stream }) =>
        stream.next(({ event, data }) => event === "message" && data === `${last}`),
      ),
    );

    // On the first instance alone: the others count theirs.
    const share = revoked.length / INSTANCES;
    expect(here).toBeGreaterThan(share - 2);
    expect(here).toBeLessThan(share + 2);
    for (const client of revoked) {
      expect(await client.stream.closed).toBe("end");
      expect(client.stream.events.at(-1)?.json()).toMatchObject({
        reason: "revoked",
        code: "BANNED",
      });
      // What was given to `publish` before the call resolved may have come; nothing after that.
      expect(numbersOf(client).at(-1)).toBeLessThanOrEqual(publishedBefore);
    }
    for (const client of others) {
      expect(client.endedAt).toBeUndefined();
      const numbers = numbersOf(client);
      const [from = 0] = numbers;
      expect(numbers).toEqual(Array.from({ length: last + 1 - from }, (_, n) => from + n));
    }
    for (const { bus } of instances) {
      expect(bus.stats().connections).toBeGreaterThan(0);
    }
    await Promise.all(others.map(async ({ stream }) => stream[Symbol.asyncDispose]()));
  },
  120_000,
);

test.each(Object.keys(logs))(
  "%s: a stream that waits for authorize on another instance is checked again",
  async (name) => {
    await using log = await (logs[name] as () => Promise<SharedLog>)();
    await using first = await startInstance(log);
    await using bus = createBus({ backend: await log.connect() });
    let mayRead = true;
    let asked = 0;
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    let reached = (): void => {};
    const isAsked = new Promise<void>((resolve) => (reached = resolve));
    await using hub = createHub({
      bus,
      async authorize() {
        const answer = mayRead;
        if (++asked === 1) {
          reached();
          await gate;
        }
        return answer && { identity: { id: "ada" } };
      },
    });
    const url = await hub.listen(0);
    let seen = (): void => {};
    const isSeen = new Promise<void>((resolve) => (seen = resolve));
    bus.subscribe((data) => data === "after" && seen(), { channel: "after" });
    // A bus publishes once its own subscribers are live.
    await bus.publish("before", { channel: "after" });
    const opening = fetch(`${url}/sse?channel=${CHANNEL}`);
    await isAsked;
    mayRead = false;
    await first.bus.disconnect({ identity: "ada" });
    // The log has one order: this instance has the order of `disconnect` before this message.
    await first.bus.publish("after", { channel: "after" });
    await isSeen;
    release();
    expect((await opening).status).toBe(403);
    expect(asked).toBeGreaterThan(1);
  },
  60_000,
);
