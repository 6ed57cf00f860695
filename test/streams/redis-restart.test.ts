import { expect, test } from "vitest";
import { startRedis } from "../support/redis.ts";
import { waitFor } from "../support/wait-for.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import { contentOf } from "./content.mjs";
import type { StreamReader } from "./reader.ts";
import { type StartedRun, startRun } from "./start-run.ts";

/** Sources that give for some seconds each: text, and bytes. */
const SEEDS = [41, 30, 6];
const PACE = 4;

function wholeOf(seed: number): Buffer {
  return Buffer.concat(contentOf(seed).map(({ data }) => Buffer.from(data as string)));
}

/** A run of each seed, each on another instance, and a reader on that and on one other. All have begun. */
async function startAll(cluster: Cluster, name: string): Promise<readonly Reading[]> {
  const all = await Promise.all(
    SEEDS.map(async (seed, on) => {
      const id = `${name}-${seed}`;
      const run = await startRun(cluster, id, { seed, on, pace: PACE });
      const readers = [run.reader, run.resume((on + 1) % 3)];
      return { id, seed, run, readers, whole: wholeOf(seed) };
    }),
  );
  for (const { readers, whole } of all) {
    for (const reader of readers) {
      await waitFor("the first bytes", () => reader.bytes().length > 0, { everyMs: 5 });
      expect(reader.bytes().length).toBeLessThan(whole.length);
    }
  }
  return all;
}

interface Reading {
  readonly id: string;
  readonly seed: number;
  readonly run: StartedRun;
  readonly readers: readonly StreamReader[];
  readonly whole: Buffer;
}

test("readers of streams receive every byte although Redis is killed, if it keeps its data", async () => {
  await using redis = await startRedis({ persist: true });
  await using cluster = await startCluster(redis.url);
  const all = await startAll(cluster, "kept");
  await redis.kill();
  await redis.start();
  for (const [on, { id, run, readers, whole }] of all.entries()) {
    const late = run.resume((on + 2) % 3);
    const ends = [...readers, late].map(async (reader) => {
      const { how } = await reader.over;
      return [how, reader.bytes().equals(whole)];
    });
    expect(await Promise.all(ends)).toEqual(ends.map(() => ["end", true]));
    expect((await cluster.notes(id)).map(({ what }) => what)).toEqual(["run"]);
  }
});

test("readers of streams get an error, and their sources are aborted, if Redis restarts without its data", async () => {
  await using redis = await startRedis();
  await using cluster = await startCluster(redis.url);
  const all = await startAll(cluster, "lost");
  await redis.kill();
  await redis.start();
  for (const { id, readers, whole } of all) {
    for (const reader of readers) {
      expect((await reader.over).how).toBe("error");
      const bytes = reader.bytes();
      expect(bytes.length).toBeLessThan(whole.length);
      expect(whole.subarray(0, bytes.length).equals(bytes)).toBe(true);
    }
    await waitFor("the source to be aborted", async () =>
      (await cluster.notes(id)).some(({ what }) => what === "abort"),
    );
  }
  // The id can be used again.
  const [{ id, seed, whole }] = all as [Reading];
  const { reader } = await startRun(cluster, id, { seed, on: 1 });
  expect((await reader.over).how).toBe("end");
  expect(reader.bytes().equals(whole)).toBe(true);
});
