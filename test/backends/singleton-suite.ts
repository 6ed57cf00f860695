import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { openNetworkReader } from "../../packages/sse-bus/test/support/network-reader.ts";
import { backendFromUrl } from "../../packages/sse-bus/src/backends/index.ts";
import { createBus, internalsOf } from "../../packages/sse-bus/src/core/bus.ts";
import { subscribeReserved } from "../../packages/sse-bus/src/core/reserved.ts";
import { watchMachine } from "../support/machine-stalls.ts";
import { type RunningProcess, startProcess } from "../support/processes.ts";
import { repository } from "../support/repository.ts";
import type { ServerUrl } from "../support/server-url.ts";
import { type FencedResource, startResource, type Write } from "./fenced-resource.ts";

export interface SingletonSuiteOptions {
  readonly name: string;
  use(): Promise<ServerUrl>;
  /** How often the holder is killed or paused. */
  readonly events: number;
  readonly leaseMs: number;
}

const INSTANCES = 3;
const FIXTURE = join(repository, "test/backends/fixtures/singleton-instance.mjs");
const SEED = Number(process.env.SSE_BUS_MODEL_SEED ?? 0) || Math.trunc(Math.random() * 2 ** 31);
/** How long to wait for what is then judged by the time it took. */
const PATIENCE_MS = 20_000;

/** Three processes on a server run one singleton, and a fourth one has its readers. */
export function testSingleton({ name, use, events, leaseMs }: SingletonSuiteOptions): void {
  test(
    `${name}: ${events} times its holder is killed or paused, and another instance takes over within three leases`,
    async () => {
      await using server = await use();
      await using resource = await startResource();
      await using machine = await watchMachine();
      const busName = `singleton-${process.pid}-${Math.random().toString(36).slice(2, 8)}`;
      const start = (): Promise<RunningProcess> =>
        startProcess(process.execPath, [FIXTURE], {
          ready: /ready/,
          env: {
            BUS_URL: server.url,
            BUS_NAME: busName,
            LEASE_MS: String(leaseMs),
            RESOURCE_URL: resource.url,
          },
        });
      const errors: Error[] = [];
      await using readers = createBus({
        backend: backendFromUrl(server.url, { name: busName }),
        onError: (error) => void errors.push(error),
      });
      internalsOf(readers).attachments.set("leaseMs", leaseMs);
      const processes = new Map<number, RunningProcess>();
      const add = async (): Promise<void> => {
        const started = await start();
        processes.set(started.pid, started);
      };
      try {
        await Promise.all(Array.from({ length: INSTANCES }, add));
        await openNetworkReader(readers, "work");
        await resource.next(({ isAccepted }) => isAccepted, 3 * leaseMs + PATIENCE_MS);
        expect(await countLeases(readers, 3 * leaseMs)).toBeLessThanOrEqual(1);

        const random = createRandom(SEED);
        for (let n = 0; n < events; n++) {
          const holder = lastAccepted(resource);
          const victim = processes.get(holder.by) as RunningProcess;
          const taken = takenOver(resource, holder, 3 * leaseMs + PATIENCE_MS);
          if (random() < 0.5) {
            await victim.kill();
            processes.delete(holder.by);
            await Promise.all([taken, add()]);
          } else {
            victim.signal("SIGSTOP");
            // It continues before its lease has ended, right around that time, or after others took over.
            const wait = random();
            if (wait < 0.7) {
              await sleep(leaseMs * (0.5 + wait * 2));
              victim.signal("SIGCONT");
              const since = performance.now();
              await resource.next(
                (write) => write.isAccepted && write.at > since,
                3 * leaseMs + PATIENCE_MS,
              );
              taken.catch(() => {});
            } else {
              await taken;
              victim.signal("SIGCONT");
            }
          }
        }
        const { gaps, refused } = checkWrites(resource.writes);
        const longestMs = Math.max(...gaps.map(({ start, end }) => end - start));
        console.log(
          `${name}: ${events} kills and pauses, nobody wrote for at most ${(longestMs / leaseMs).toFixed(2)} leases, ` +
            `${refused} writes of paused instances refused, ${errors.length} errors of the readers' bus; the machine stalled for up to ${Math.round(machine.longestMs)} ms.`,
        );
        // Where the machine stalls, nothing can happen.
        const late = gaps.filter(
          ({ start, end }) => end - start - machine.between(start, end) >= 3 * leaseMs,
        );
        expect(late).toEqual([]);
        // A paused instance disturbs nobody else. Renewals are unanswered only where the machine stalls for as
        // long as the time between two of them.
        const isBusy = machine.longestMs >= leaseMs / 3;
        const isLate = (error: Error & { code?: string }): boolean =>
          isBusy && error.code === "BACKEND_UNAVAILABLE";
        expect(errors.filter((error) => !isLate(error))).toEqual([]);
      } catch (cause) {
        const outputs = [...processes.values()].map((each) => each.output()).join("\n");
        throw new Error(`seed ${SEED}: ${(cause as Error).message}\n${outputs}`, { cause });
      } finally {
        for (const each of processes.values()) each.signal("SIGCONT");
        await Promise.all([...processes.values()].map((each) => each.stop()));
      }
    },
    60_000 + events * 10 * leaseMs,
  );
}

function lastAccepted({ writes }: FencedResource): Write {
  return writes.findLast(({ isAccepted }) => isAccepted) as Write;
}

function takenOver(resource: FencedResource, holder: Write, timeoutMs: number): Promise<Write> {
  const taken = resource.next(({ fence }) => fence > holder.fence, timeoutMs);
  // It may be awaited later than it rejects.
  taken.catch(() => {});
  return taken;
}

interface Writing {
  /** The times in which nobody wrote. */
  readonly gaps: readonly { readonly start: number; readonly end: number }[];
  /** How many writes were refused. */
  readonly refused: number;
}

/** No fencing number has two writers. */
function checkWrites(writes: readonly Write[]): Writing {
  const writers = new Map<number, number>();
  let last: Write | undefined;
  const gaps: { start: number; end: number }[] = [];
  let refused = 0;
  for (const write of writes) {
    expect(writers.get(write.fence) ?? write.by, `fence ${write.fence}`).toBe(write.by);
    writers.set(write.fence, write.by);
    if (!write.isAccepted) {
      refused++;
      continue;
    }
    if (last) gaps.push({ start: last.at, end: write.at });
    last = write;
  }
  return { gaps, refused };
}

/** By how many messages any instance exceeds three per lease. */
async function countLeases(bus: object, forMs: number): Promise<number> {
  const internals = internalsOf(bus);
  const counts = new Map<string, number>();
  const subscription = subscribeReserved(
    internals,
    "~control",
    (data) => {
      const { i } = data as { i: string };
      counts.set(i, (counts.get(i) ?? 0) + 1);
    },
    { onGap: () => {} },
  );
  await subscription.live;
  await sleep(forMs);
  subscription.close();
  expect(counts.size).toBe(INSTANCES + 1);
  return Math.max(...counts.values()) - 9;
}

/** Mulberry32. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
