import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { openNetworkReader } from "../../../test/support/network-reader.ts";
import { createSharedLog, type LogLink } from "../../../test/support/shared-log.ts";
import { createBus } from "../bus.ts";
import type { Bus } from "../bus-types.ts";

/*
 * Random schedules of everything that can happen to three instances that share a log, but for a paused
 * process, which test/backends has: timers of one process cannot be held up here.
 *
 * SSE_BUS_MODEL_RUNS and SSE_BUS_MODEL_SEED as in model.test.ts.
 */
const RUNS = Math.min(1000, Math.ceil(Number(process.env.SSE_BUS_MODEL_RUNS ?? 400) / 20));
const LEASE_MS = 5000;

interface Instance {
  bus: Bus;
  link: LogLink;
}

afterEach(() => {
  vi.useRealTimers();
});

const step = fc.record({
  at: fc.nat(2),
  operation: fc.constantFrom("cut", "delay", "lose", "connect", "connect", "reopen"),
  elapsedMs: fc.oneof(fc.integer({ min: 0, max: 2 * LEASE_MS }), fc.constantFrom(0, 1, 100)),
});

test("whatever happens to the connections of three instances, one at a time runs, and its fencing number grows", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      vi.useFakeTimers();
      const log = createSharedLog();
      const running = new Set<object>();
      const fences: number[] = [];
      let overlaps = 0;

      const openInstance = async (): Promise<Instance> => {
        const link = log.connect();
        const bus = createBus({ backend: link.backend, onError: () => {} });
        bus.whileSubscribed(
          "work",
          (signal, { fence }) => {
            fences.push(fence);
            running.add(signal);
            if (running.size > 1) overlaps++;
            signal.addEventListener("abort", () => running.delete(signal));
          },
          { singleton: true },
        );
        await openNetworkReader(bus, "work");
        return { bus, link };
      };
      const closing: Promise<void>[] = [];
      const instances = [await openInstance(), await openInstance(), await openInstance()];
      for (const { at, operation, elapsedMs } of steps) {
        const instance = instances[at] as Instance;
        if (operation !== "reopen") instance.link[operation]();
        else {
          instance.link.connect();
          closing.push(instance.bus.close());
          instances[at] = await openInstance();
        }
        await vi.advanceTimersByTimeAsync(elapsedMs);
      }
      for (const { link } of instances) link.connect();
      await vi.advanceTimersByTimeAsync(3 * LEASE_MS);
      expect(running.size).toBe(1);
      expect(overlaps).toBe(0);
      expect(fences).toEqual([...new Set(fences)].toSorted((a, b) => a - b));
      closing.push(...instances.map(async ({ bus }) => bus.close()));
      await vi.advanceTimersByTimeAsync(2000);
      await Promise.all(closing);
      expect(running.size).toBe(0);
      expect(vi.getTimerCount()).toBe(0);
      vi.useRealTimers();
    }),
    {
      numRuns: RUNS,
      ...(process.env.SSE_BUS_MODEL_SEED && { seed: Number(process.env.SSE_BUS_MODEL_SEED) }),
    },
  );
}, 600_000);
