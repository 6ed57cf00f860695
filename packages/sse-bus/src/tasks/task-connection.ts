import type { BusInternals } from "../core/bus-internals.ts";
import { isClosed } from "../core/engine.ts";
import { SseBusError } from "../core/errors.ts";
import { instancesOf } from "../core/instances/instances.ts";
import { createLeaseHold } from "../core/instances/lease-hold.ts";
import type { InstanceTable } from "../core/instances/instance-table.ts";
import { createLazyTimer, withTimeout } from "../core/timers.ts";
import { publishOwn } from "../core/publish-own.ts";
import { watchLostTasks } from "./lost-tasks.ts";
import type { RunningTask } from "./running-task.ts";
import { STATE_EVENT } from "./task-messages.ts";
import { createTaskRegistry, type TaskRegistry } from "./task-registry.ts";

/** What the tasks of this instance and those of the others need to know of each other. */
export interface TaskConnection {
  readonly table: InstanceTable;
  readonly registry: TaskRegistry;
  /** The server shuts down: its tasks were aborted, and no other one may start. */
  readonly isLeaving: boolean;
  /** Orders of other instances arrive, and their claims are known. @throws SseBusError `BACKEND_UNAVAILABLE` */
  ready(): Promise<void>;
  /** The tasks that run here are others. */
  changed(): void;
  /** Cancels a task on the instance that runs it. */
  sendCancel(channel: string): Promise<void>;
}

const CANCEL_EVENT = "cancel-task";
/** How long a start waits for the backend. */
const MAX_WAIT_MS = 5000;
/** How often the log gets what it must not forget while a task runs. */
const MAX_ANNOUNCE_MS = 60_000;
const MIN_ANNOUNCE_MS = 500;
/** Tasks are often started one after another. */
const LINGER_MS = 10_000;

/** @param running the tasks that run here, by channel */
export function createTaskConnection(
  internals: BusInternals,
  running: ReadonlyMap<string, RunningTask>,
): TaskConnection {
  const { engine, onError, history } = internals;
  const table = instancesOf(internals);
  const registry = createTaskRegistry(internals, table);
  const lost = watchLostTasks({ registry, table, publishLost, onError });
  const lease = createLeaseHold(table, LINGER_MS);
  const announcement = createLazyTimer(announce);
  let isLeaving = false;

  async function publishLost(channel: string, instance: string): Promise<void> {
    const message = { channel, event: STATE_EVENT, key: "lost", id: `lost/${instance}` };
    await publishOwn(internals, { lost: instance }, message);
  }

  /** The others count only instances with a lease as alive, and this one learns by its lease that others died. */
  function keepLease(): void {
    const [other] = registry.others();
    if (!isClosed(engine)) lease.set(running.size > 0 || other !== undefined);
  }

  function announce(): void {
    // The states follow, once it is known that the claims count.
    registry.announce();
    announceLater();
  }

  function announceLater(): void {
    let periodMs = MAX_ANNOUNCE_MS;
    for (const channel of running.keys()) {
      periodMs = Math.min(periodMs, history(channel).maxAgeMs / 3);
    }
    if (running.size > 0 && !isClosed(engine)) {
      announcement.start(Math.max(MIN_ANNOUNCE_MS, periodMs));
    } else announcement.stop();
  }

  async function loseAll(): Promise<void> {
    isLeaving = true;
    const all = [...running].map(async ([channel, task]) => {
      await task.lose();
      await registry.release(channel);
    });
    await Promise.all(all);
  }

  registry.onChange(keepLease);
  registry.onRenewed((channel, isHeld) => {
    if (isHeld) running.get(channel)?.announce();
    else running.get(channel)?.yield();
  });
  table.onLeave(loseAll);
  table.control.on(CANCEL_EVENT, (data) => {
    const { c } = (data ?? {}) as { c?: unknown };
    if (typeof c === "string") running.get(c)?.cancel();
  });
  const opened = Promise.all([table.control.open(), registry.ready()]);
  // Only a bus that is closed in between rejects.
  opened.catch(() => {});
  engine.beforeClose.add(() => {
    lost.stop();
    lease.stop();
    announcement.stop();
  });

  return {
    table,
    registry,
    get isLeaving() {
      return isLeaving;
    },
    ready: async () => void (await withTimeout(opened, MAX_WAIT_MS, unavailable)),
    changed() {
      keepLease();
      announceLater();
    },
    sendCancel: async (channel) => void (await table.control.send(CANCEL_EVENT, { c: channel })),
  };
}

function unavailable(): SseBusError {
  return new SseBusError(
    "BACKEND_UNAVAILABLE",
    `The task was not started, because the backend did not answer within ${MAX_WAIT_MS} ms. Retry later.`,
  );
}
