import { createAbsences } from "../core/instances/absences.ts";
import type { InstanceTable } from "../core/instances/instance-table.ts";
import { createLazyTimer } from "../core/timers.ts";
import type { TaskRegistry } from "./task-registry.ts";

/** Publishes `lost` for the tasks of instances that have died. Every instance does; the log stores the first one. */
export interface LostTasks {
  /** Idempotent. */
  stop(): void;
}

export interface LostTasksOptions {
  readonly registry: TaskRegistry;
  readonly table: InstanceTable;
  /** Publishes that an instance has died, for one task of it. */
  readonly publishLost: (channel: string, instance: string) => Promise<unknown>;
  readonly onError: (error: Error) => void;
}

/** One of several instances publishes it first; the others find it done. */
const MAX_JITTER_MS = 100;

export function watchLostTasks(options: LostTasksOptions): LostTasks {
  const { registry, table, publishLost, onError } = options;
  const { leaseMs } = table;
  const periodMs = Math.max(20, leaseMs / 5);
  const absent = createAbsences({
    leaseMs,
    sendEnd: async (instance) => table.control.send("end", { i: instance }),
    onError: report,
  });
  const sending = new Set<string>();
  const timer = createLazyTimer(check);
  let isStopped = false;

  /** Nothing runs where no other instance runs a task. */
  function schedule(ms: number): void {
    if (!isStopped) timer.start(ms);
  }

  function check(): void {
    const present = new Set<string>();
    let hasOthers = false;
    for (const [channel, instance] of registry.others()) {
      hasOthers = true;
      if (table.live().has(instance)) {
        absent.delete(instance);
        continue;
      }
      present.add(instance);
      if (absent.find(instance).how !== "unknown") void publish(channel, instance);
    }
    absent.prune(present, 2 * leaseMs);
    if (hasOthers) schedule(periodMs);
  }

  async function publish(channel: string, instance: string): Promise<void> {
    const name = `${instance} ${channel}`;
    if (sending.has(name)) return;
    sending.add(name);
    try {
      await publishLost(channel, instance);
      await registry.remove(channel, instance);
    } catch (error) {
      // The next check tries again.
      report(error);
    } finally {
      sending.delete(name);
    }
  }

  function report(error: unknown): void {
    if (!isStopped) onError(error as Error);
  }

  const stopGone = table.onGone((instance, how) => {
    absent.note(instance, how);
    schedule(Math.random() * Math.min(periodMs, MAX_JITTER_MS));
  });
  let isWatching = false;
  registry.onChange(() => {
    const [first] = registry.others();
    if (first && !isWatching) schedule(periodMs);
    isWatching = first !== undefined;
  });

  return {
    stop() {
      isStopped = true;
      stopGone();
      timer.stop();
    },
  };
}
