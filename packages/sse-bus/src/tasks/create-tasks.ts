import { internalsOf } from "../core/bus-internals.ts";
import { isSseBusError } from "../core/errors.ts";
import { assertOpen } from "../core/engine.ts";
import type { ChannelMap } from "../core/types.ts";
import { liveTask, liveTaskLog, liveTasks } from "./task-live.ts";
import {
  assertTask,
  readSettings,
  type TaskWork,
  type TaskHandle,
  type TaskOptions,
  type TasksOptions,
} from "./task-options.ts";
import { taskRunnerOf } from "./task-runner.ts";
import { linesOf, listTasks } from "./task-state.ts";
import type { Task, TaskListSnapshot, TaskSnapshot } from "./task-types.ts";

/** Runs tasks, and shows them to every page. Methods do not use `this`, so you can destructure them. */
export interface Tasks {
  /**
   * Runs a function as a task. Resolves once every page can see that it runs, with a handle; the function
   * continues after that, and its failure is no unhandled rejection, even if nobody awaits anything. It goes to the
   * task's state and to `onError` (`RUN_FAILED`).
   *
   * A task of an id runs once at a time, on all instances. When the server shuts down, its signal aborts and its state
   * is `lost`; when its instance dies, the others report it as `lost` within three leases (15 s).
   *
   * @throws SseBusError `INVALID_OPTION`, `INVALID_ID`; `INVALID_DATA` or `MESSAGE_TOO_LARGE` for `info`; `TASK_RUNNING` if a task of this id runs on any instance;
   * `TOO_MANY_TASKS`, `BACKEND_UNAVAILABLE`, `BUS_CLOSED`
   * @example
   * ```ts
   * const { id } = await tasks.run({ title: "Import", total: rows.length }, async ({ signal, report }) => {
   *   for (const [index, row] of rows.entries()) {
   *     signal.throwIfAborted();
   *     await insert(row);
   *     report(index + 1);
   *   }
   *   return { imported: rows.length };
   * });
   * ```
   */
  readonly run: <Result>(
    options: TaskOptions,
    work: TaskWork<Result>,
  ) => Promise<TaskHandle<Result>>;

  /**
   * Cancels a task, on the instance that runs it: aborts the signal of its function. Resolves once the log has the
   * order. Does nothing if there is no such task. Pass the `owner` that your session says, so that users cancel only
   * tasks of their own.
   *
   * @throws SseBusError `INVALID_ID`, `BACKEND_UNAVAILABLE`, `BUS_CLOSED`
   */
  readonly cancel: (id: string, options?: TaskOwner) => Promise<void>;

  /**
   * The state of a task and the last 500 lines of its log, with cursors: `useTask(id, snapshot)` continues from there.
   * The log keeps a task as long as your `history` says: by default, for an hour after its last message.
   *
   * @throws SseBusError `INVALID_ID`, `BACKEND_UNAVAILABLE`, `BUS_CLOSED`, `CURSOR_AT_BUILD`
   * @example
   * ```ts
   * const snapshot = await tasks.read(id, { owner: user.id });
   * if (!snapshot.task) notFound();
   * ```
   */
  readonly read: <Result = unknown>(
    id: string,
    options?: TaskOwner,
  ) => Promise<TaskSnapshot<Result>>;

  /**
   * The tasks of an owner, or those without one, newest first, and at most 200: `useTasks(snapshot)` continues from
   * there.
   *
   * @throws SseBusError `INVALID_ID`, `BACKEND_UNAVAILABLE`, `BUS_CLOSED`, `CURSOR_AT_BUILD`
   */
  readonly list: (options?: TaskOwner) => Promise<TaskListSnapshot>;
}

/** Whose tasks. */
export interface TaskOwner {
  /** Tasks of other owners do not exist for the call. @default tasks without an owner */
  readonly owner?: string | undefined;
}

/**
 * Makes the tasks of a bus. All calls for one bus share the same tasks, and the settings of the last call count. From
 * this call on, the instance reports the tasks of instances that have died, so call it on every instance, where the bus
 * is made.
 *
 * @throws SseBusError `INVALID_OPTION`, `BUS_CLOSED`
 * @example
 * ```ts
 * // lib/tasks.ts
 * export const tasks = createTasks({ bus });
 * ```
 */
export function createTasks<Channels extends ChannelMap, Inputs extends ChannelMap>({
  bus,
  ...options
}: TasksOptions<Channels, Inputs>): Tasks {
  const internals = internalsOf(bus);
  assertOpen(internals.engine);
  const runner = taskRunnerOf(internals, readSettings(options));
  runner.open();

  async function start<Result>(
    options: TaskOptions,
    work: TaskWork<Result>,
  ): Promise<TaskHandle<Result>> {
    try {
      assertOpen(internals.engine);
      assertTask(options, work);
      const { id = crypto.randomUUID(), owner } = options;
      const address = { id, ...(owner !== undefined && { owner }) };
      return await runner.run(address, options, work);
    } catch (error) {
      // It is no failure that a task runs already, or that the server shuts down.
      const code = isSseBusError(error) ? error.code : "";
      if (code !== "TASK_RUNNING" && code !== "BUS_CLOSED") internals.onError(error as Error);
      throw error;
    }
  }

  return {
    run(options, work) {
      const started = start(options, work);
      // Nobody has to await it.
      started.catch(() => {});
      return started;
    },
    cancel: async (id, { owner } = {}) => runner.cancel({ id, owner }),
    async read<Result>(id: string, { owner }: TaskOwner = {}): Promise<TaskSnapshot<Result>> {
      const address = { id, owner };
      // The log first: the lines of a run that starts in between come after its cursor.
      const log = await liveTaskLog(address).read(bus);
      const { value, cursor } = await liveTask(address).read(bus);
      return {
        ...(owner !== undefined && { owner }),
        task: (value as Task<Result> | null) ?? undefined,
        lines: linesOf(value, log.value),
        cursor,
        logCursor: log.cursor,
      };
    },
    async list({ owner } = {}) {
      const { value, cursor } = await liveTasks(owner).read(bus);
      return { ...(owner !== undefined && { owner }), tasks: listTasks(value), cursor };
    },
  };
}
