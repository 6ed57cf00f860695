import fc from "fast-check";
import { expect, test } from "vitest";
import { type MachineStalls, watchMachine } from "../support/machine-stalls.ts";
import { quantile } from "../support/quantile.ts";
import type { Restartable } from "../support/restartable.ts";
import type { ServerUrl } from "../support/server-url.ts";
import { waitFor } from "../support/wait-for.ts";
import { type Cluster, LEASE_MS, type Note, startCluster } from "./cluster.ts";
import { contentOf } from "./content.mjs";
import { readStream, type StreamReader } from "./reader.ts";

/** To repeat a failure: the seed and the path that it showed. */
const [seed, path] = (process.env.SSE_BUS_STREAMS_SEED ?? "").split(" ");
const again = seed ? { seed: Number(seed), ...(path && { path }) } : {};

const STOP_MS = 500;

const anyRun = fc.record({
  content: fc.nat(),
  /** The instances that start it at the same time. */
  starters: fc.uniqueArray(fc.nat(2), { minLength: 1, maxLength: 3 }),
  /** When another client comes, on which instance, and after how long its connection is cut. */
  readers: fc.array(
    fc.record({
      afterMs: fc.nat(600),
      on: fc.nat(2),
      cutsMs: fc.array(fc.nat(250), { maxLength: 3 }),
    }),
    { maxLength: 4 },
  ),
  fate: fc.oneof(
    { weight: 5, arbitrary: fc.constant({ type: "end" } as const) },
    {
      weight: 2,
      arbitrary: fc.record({
        type: fc.constant("stop" as const),
        afterMs: fc.nat(400),
        on: fc.nat(2),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constant("kill" as const), afterMs: fc.nat(400) }),
    },
  ),
});
type AnyRun = typeof anyRun extends fc.Arbitrary<infer T> ? T : never;

export interface StreamsSuite {
  readonly use: () => Promise<ServerUrl>;
  readonly seeds: number;
}

/** Three instances in processes of their own, clients that are cut and switch between them, producers that die. */
export function testStreams(name: string, { use, seeds }: StreamsSuite): void {
  test(
    `${name}: every reader receives what one run of the source gave, or an error`,
    { timeout: 60_000 + seeds * 30_000 },
    async () => {
      await using server = await use();
      await using cluster = await startCluster(server.url);
      await using machine = await watchMachine();
      const startedAt = performance.now();
      const counts = {
        end: 0,
        stop: 0,
        kill: 0,
        readers: 0,
        stopsMs: [] as number[],
        slowestErrorMs: 0,
      };
      const property = fc.asyncProperty(anyRun, fc.nat(), async (run, id) =>
        runOnce(cluster, `run-${id}-${Date.now()}`, { run, counts, machine }),
      );
      await fc.assert(property, { numRuns: seeds, endOnFailure: true, ...again });
      if (counts.stopsMs.length > 0) expect(quantile(counts.stopsMs, 0.5)).toBeLessThan(STOP_MS);
      const seconds = Math.round((performance.now() - startedAt) / 1000);
      console.log(`${name}: ${seeds} seeds in ${seconds} s: ${textOf(counts)}.`);
    },
  );
}

interface Counts {
  end: number;
  stop: number;
  kill: number;
  readers: number;
  /** How long after the call of `stop` the source was aborted. */
  readonly stopsMs: number[];
  slowestErrorMs: number;
}

function textOf({ stopsMs, ...counts }: Counts): string {
  const stops = stopsMs.length > 0 ? [quantile(stopsMs, 0.5), quantile(stopsMs, 1)] : [];
  return JSON.stringify({ ...counts, medianStopMs: stops[0], slowestStopMs: stops[1] });
}

async function runOnce(
  cluster: Cluster,
  id: string,
  given: { readonly run: AnyRun; readonly counts: Counts; readonly machine: MachineStalls },
): Promise<void> {
  const { instances } = cluster;
  const { run, counts, machine } = given;
  const { content, starters, fate } = run;
  const whole = Buffer.concat(contentOf(content).map(({ data }) => Buffer.from(data as string)));
  const all: StreamReader[] = [];
  const open = (kind: "start" | "resume", on: number): StreamReader => {
    const { url } = instances[on] as Restartable;
    const reader = readStream(`${url}/${kind}?id=${id}&seed=${content}`);
    all.push(reader);
    return reader;
  };
  try {
    const started = starters.map((on) => open("start", on));
    const [first] = await waitFor("the source to run", async () => {
      const notes = await cluster.notes(id);
      return notes.length > 0 ? notes : undefined;
    });
    const producer = instances.find(({ port }) => port === first?.port) as Restartable;
    await Promise.all(started.map(async ({ opened }) => opened));
    await fetch(`${producer.url}/go?id=${id}`);
    const coming = run.readers.map(async ({ afterMs, on, cutsMs }) => {
      await sleep(afterMs);
      for (const [turn, cutMs] of cutsMs.entries()) {
        const reader = open("resume", (on + turn) % 3);
        await Promise.race([sleep(cutMs), reader.over]);
        reader.cut();
      }
      open("resume", (on + cutsMs.length) % 3);
    });
    let killedAt = 0;
    const happening = (async () => {
      if (fate.type === "end") return;
      await sleep(fate.afterMs);
      if (fate.type === "stop") await stop(cluster, id, { ...given, on: fate.on });
      else {
        killedAt = performance.now();
        await producer.kill();
      }
    })();
    await Promise.all([happening, ...coming]);
    const ends = await Promise.all(
      all.map(async (reader) => ({ ...(await reader.over), bytes: reader.bytes() })),
    );
    const notes = await cluster.notes(id);
    expect(notes.filter(isRun)).toHaveLength(1);
    for (const { bytes } of ends) {
      if (!whole.subarray(0, bytes.length).equals(bytes)) expect.fail("a reader has other bytes");
    }
    const complete = ends.filter(({ how }) => how === "end");
    const sizes = new Set(complete.map(({ bytes }) => bytes.length));
    expect(sizes.size).toBeLessThanOrEqual(1);
    if (fate.type !== "stop" && sizes.size > 0) expect([...sizes]).toEqual([whole.length]);
    const failed = ends.filter(({ how }) => how === "error");
    if (fate.type !== "kill") expect(failed).toEqual([]);
    for (const { at } of failed) {
      const afterMs = at - killedAt;
      expect(afterMs).toBeLessThan(3 * LEASE_MS + machine.between(killedAt, at));
      counts.slowestErrorMs = Math.max(counts.slowestErrorMs, Math.round(afterMs));
    }
    counts[fate.type]++;
    const done = counts.end + counts.stop + counts.kill;
    if (done % 50 === 0) console.log(`${done} seeds: ${textOf(counts)}`);
    counts.readers += all.length;
    if (fate.type === "kill") await startAgain(cluster, id, { producer, content, whole });
  } catch (error) {
    const seen = all.map((reader) => reader.bytes().length).join();
    console.error(`${id}: ${(error as Error).message}. Of ${whole.length} bytes: ${seen}.`);
    console.error(JSON.stringify(run), JSON.stringify(await cluster.notes(id)));
    for (const { process } of instances) console.error(process.output().slice(-2000));
    throw error;
  } finally {
    for (const reader of all) reader.cut();
    for (const instance of instances) await instance.start();
  }
}

async function stop(
  cluster: Cluster,
  id: string,
  given: { readonly on: number; readonly counts: Counts; readonly machine: MachineStalls },
): Promise<void> {
  const { on, counts, machine } = given;
  const stoppedAt = Date.now();
  const since = performance.now();
  const response = await fetch(`${(cluster.instances[on] as Restartable).url}/stop?id=${id}`);
  if ((await response.text()) !== "true") return;
  const aborted = await waitFor("the source to be aborted or over", async () => {
    const status = await fetch(`${(cluster.instances[on] as Restartable).url}/status?id=${id}`);
    const { state } = (await status.json()) as { readonly state: string };
    if (state === "running") return undefined;
    const notes = await cluster.notes(id);
    return notes.find(({ what }) => what === "abort") ?? (state === "done" ? "over" : undefined);
  });
  if (aborted === "over") return;
  const afterMs = aborted.at - stoppedAt;
  // Where more runs than there are processors for, an instance may wait for one: the median is what counts.
  expect(afterMs).toBeLessThan(4 * STOP_MS + machine.between(since, since + afterMs));
  counts.stopsMs.push(afterMs);
}

/** Once a run is lost, its id can be used again, on another instance. */
async function startAgain(
  { instances, notes }: Cluster,
  id: string,
  given: {
    readonly producer: Restartable;
    readonly content: number;
    readonly whole: Buffer;
  },
): Promise<void> {
  const other = instances.find((instance) => instance !== given.producer) as Restartable;
  // As long as that is not known, a start would be one more reader of the run. It may have been complete.
  await waitFor("the run to be lost", async () => {
    const response = await fetch(`${other.url}/status?id=${id}`);
    return ((await response.json()) as { readonly state: string }).state !== "running";
  });
  const reader = readStream(`${other.url}/start?id=${id}&seed=${given.content}`);
  await reader.opened;
  await waitFor("the second run", async () => (await notes(id)).filter(isRun).length === 2);
  await fetch(`${other.url}/go?id=${id}`);
  expect((await reader.over).how).toBe("end");
  expect(reader.bytes().equals(given.whole)).toBe(true);
}

function isRun({ what }: Note): boolean {
  return what === "run";
}

async function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
