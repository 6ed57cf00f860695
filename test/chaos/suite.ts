import { expect, test } from "vitest";
import { startDemo } from "../support/demo-app.ts";
import { health } from "../support/http-api.ts";
import type { Restartable } from "../support/restartable.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { waitFor } from "../support/wait-for.ts";
import { startPublisher } from "./publisher.ts";
import { type ChaosReader, startReader } from "./reader.ts";

/** A backend's server that may be stopped, killed, started and emptied. */
export interface ChaosServer extends Restartable {
  wipe(): Promise<void>;
}

export interface ChaosOptions {
  readonly start: () => Promise<ChaosServer>;
  /** `SSE_BUS_URL` for the server on this port. */
  readonly url: (port: number) => string;
}

/** Small numbers for every test run; `pnpm chaos` sets larger ones. */
const MESSAGES = Number(process.env.SSE_BUS_CHAOS_MESSAGES ?? 1000);
const READERS = Number(process.env.SSE_BUS_CHAOS_READERS ?? 50);
const CHANNELS = Array.from({ length: 50 }, (_, n) => `chaos/${n}`);
const CHANNELS_A_READER = 2;

/** Two production servers on one backend, and one failure after another. */
export function testChaos(name: string, { start, url }: ChaosOptions): void {
  test(`${name}: after every failure, each client has every message once and in order, or a gap`, async () => {
    const startedAt = performance.now();
    await using server = await start();
    await using proxy = await startTcpProxy(server.port);
    const env = { SSE_BUS_OPEN_PUBLISH: "1", SSE_BUS_URL: url(proxy.port) };
    await using one = await startDemo({ env });
    await using two = await startDemo({ env });
    const origins = [one.url, two.url];
    const bothHealthy = () =>
      waitFor(
        "both servers to be healthy",
        async () => {
          const states = await Promise.all(origins.map((origin) => health(origin)));
          return states.every(({ status }) => status === "ok");
        },
        { timeoutMs: 30_000 },
      );

    const readers = Array.from({ length: READERS }, (_, n) =>
      startReader(origins, pick(n, CHANNELS_A_READER)),
    );
    try {
      await Promise.all(readers.map(({ opened }) => opened));
      const publisher = startPublisher(origins, CHANNELS, MESSAGES / CHANNELS.length);
      const at = (share: number) => publisher.reached(MESSAGES * share);

      await at(0.1);
      for (const app of [one, two]) {
        await app.stop();
        await app.start();
      }
      await at(0.3);
      await one.kill();
      await one.start();
      await at(0.5);
      proxy.reset();
      await at(0.6);
      await server.kill();
      await server.start();
      await bothHealthy();
      await at(0.7);
      await publisher.pause();
      await allReached(readers, publisher.newest);
      expect(readers.flatMap(({ violations }) => violations)).toEqual([]);
      expect(
        readers.flatMap(({ gaps }) => gaps),
        "no gap without a loss",
      ).toEqual([]);

      await server.stop();
      await server.wipe();
      await server.start();
      await bothHealthy();
      publisher.resume();
      await publisher.done;
      await allReached(readers, publisher.newest);
      expect(readers.flatMap(({ violations }) => violations)).toEqual([]);
      const withoutGap = readers.filter(({ gaps }) => gaps.length === 0);
      expect(withoutGap, "lost data is reported to every client").toEqual([]);
      const seconds = Math.round((performance.now() - startedAt) / 1000);
      console.log(
        [
          `${name}: ${publisher.stored} messages on ${CHANNELS.length} channels, ${READERS} clients of two servers, ${seconds} s.`,
          `Both servers redeployed, one killed, connections cut, ${name} killed: every message once and in order, no gap.`,
          `${name} emptied: a gap for every client.`,
          `${publisher.retries} publishes were retried, each stored once.`,
        ].join("\n  "),
      );
    } finally {
      for (const reader of readers) reader.stop();
    }
  }, 600_000);
}

/** Every reader has the newest message of each of its channels. */
async function allReached(
  readers: readonly ChaosReader[],
  published: ReadonlyMap<string, number>,
): Promise<void> {
  const behind = () =>
    readers.filter(({ newest }) =>
      [...newest].some(([channel, n]) => n < (published.get(channel) ?? 0)),
    );
  await waitFor("all readers to have the newest message", () => behind().length === 0, {
    timeoutMs: 60_000,
  }).catch((cause: unknown) => {
    const [first] = behind();
    const state = JSON.stringify([...(first?.newest ?? [])]);
    throw new Error(`${behind().length} readers are behind; one has ${state}`, { cause });
  });
}

function pick(reader: number, count: number): string[] {
  return Array.from(
    { length: count },
    (_, n) => CHANNELS[(reader * 7 + n * 13) % CHANNELS.length] as string,
  );
}
