import { isBuilding } from "../core/build-phase.ts";
import { attachmentOf, type BusInternals } from "../core/bus-internals.ts";
import { assertOpen, isClosed } from "../core/engine.ts";
import { SseBusError } from "../core/errors.ts";
import { listFirst, reportPartsOf } from "../core/report-parts.ts";
import { createRunningTask, type CreatedTask, type RunningTask } from "./running-task.ts";
import { type TaskAddress, taskChannel } from "./task-channels.ts";
import { createTaskConnection, type TaskConnection } from "./task-connection.ts";
import {
  type TaskHandle,
  type TaskOptions,
  taskRunning,
  type TaskSettings,
  type TaskWork,
} from "./task-options.ts";

/** The tasks of a bus on this instance. */
export interface TaskRunner {
  settings: TaskSettings;
  /** Connects, so that this instance reports the lost tasks of the others. Idempotent. */
  open(): void;
  run<Result>(
    address: TaskAddress,
    task: TaskOptions,
    work: TaskWork<Result>,
  ): Promise<TaskHandle<Result>>;
  cancel(address: TaskAddress): Promise<void>;
}

const ATTACHMENT = "tasks";

/** The tasks of a bus. They are kept with it: bundles and hot reloads have copies of this module. */
export function taskRunnerOf(internals: BusInternals, settings: TaskSettings): TaskRunner {
  const runner = attachmentOf(internals, ATTACHMENT, () => createTaskRunner(internals, settings));
  runner.settings = settings;
  return runner;
}

function createTaskRunner(internals: BusInternals, settings: TaskSettings): TaskRunner {
  const { engine, onError } = internals;
  const running = new Map<string, RunningTask>();
  let connection: TaskConnection | undefined;
  reportPartsOf(internals).tasks = (limit) =>
    listFirst(running, limit, ([, task]) => task.report());

  function connect(): TaskConnection {
    return (connection ??= createTaskConnection(internals, running));
  }

  async function run<Result>(
    address: TaskAddress,
    task: TaskOptions,
    work: TaskWork<Result>,
  ): Promise<TaskHandle<Result>> {
    const channel = taskChannel(address);
    const { maxRunning } = runner.settings;
    const { table, isLeaving } = connect();
    if (isLeaving) throw shuttingDown();
    if (running.has(channel)) throw taskRunning(address);
    if (running.size >= maxRunning) throw tooMany(maxRunning);
    const options = { internals, table, settings: runner.settings, address, task };
    const created = createRunningTask(options);
    running.set(channel, created.running);
    await start(channel, created, address);
    return { ...address, result: created.execute(work, async () => forget(channel)) };
  }

  async function start(
    channel: string,
    { running: task }: CreatedTask,
    address: TaskAddress,
  ): Promise<void> {
    const { ready, registry, changed } = connect();
    let isClaimed = false;
    try {
      changed();
      await ready();
      const startedAt = await registry.claim(channel);
      if (startedAt === undefined) throw taskRunning(address);
      isClaimed = true;
      await task.publishStart(startedAt);
    } catch (error) {
      if (isClaimed) void task.abandon().then(async () => forget(channel));
      else {
        task.yield();
        await forget(channel);
      }
      throw error;
    }
  }

  /** The task has ended, and its end is stored. */
  async function forget(channel: string): Promise<void> {
    const { registry, changed } = connect();
    running.delete(channel);
    try {
      await registry.release(channel);
    } catch (error) {
      // The others notice it when this instance's lease ends.
      if (!isClosed(engine)) onError(error as Error);
    }
    changed();
  }

  const runner: TaskRunner = {
    settings,
    open() {
      if (!isBuilding()) connect();
    },
    run,
    async cancel(address) {
      assertOpen(engine);
      const channel = taskChannel(address);
      // It may run on another instance, though this one has a run of it that starts or was overtaken.
      if (!running.get(channel)?.cancel()) await connect().sendCancel(channel);
    },
  };
  return runner;
}

function shuttingDown(): SseBusError {
  return new SseBusError(
    "BUS_CLOSED",
    "The task was not started, because this server shuts down. Retry on another instance.",
  );
}

function tooMany(max: number): SseBusError {
  return new SseBusError(
    "TOO_MANY_TASKS",
    `Task limit reached: this instance runs ${max} tasks (\`maxRunning\`). Retry later, or raise the limit.`,
  );
}
