"use client";

import { useMemo } from "react";
import type { SseClientError } from "../client/client-error.ts";
import type { SseStatus } from "../client/status.ts";
import { taskChannel } from "../tasks/task-channels.ts";
import { liveTasks } from "../tasks/task-live.ts";
import { listTasks, NO_TASKS } from "../tasks/task-state.ts";
import type { Task, TaskListSnapshot } from "../tasks/task-types.ts";
import { liveOrInvalid } from "./live-or-invalid.ts";
import { useLive } from "./use-live.ts";

/** Options of {@link useTasks}. The result of `tasks.list()` is one. */
export interface UseTasksOptions extends Partial<TaskListSnapshot> {
  /** With `false`, the list stays as it is. @default true */
  readonly enabled?: boolean | undefined;
}

/** The result of {@link useTasks}. */
export interface TasksResult {
  /** Newest first. */
  readonly tasks: readonly Task[];
  /** `open` if the list is live. */
  readonly status: SseStatus;
  /** Why the stream was lost, or refused. */
  readonly error: SseClientError | undefined;
}

/**
 * Lists the tasks of an owner, or those without one, wherever they run: at most 200, without their logs.
 *
 * @param options the result of `tasks.list()` on the server, or only the owner. Read at the first render of an owner
 * @example
 * ```tsx
 * const { tasks } = useTasks(snapshot);
 * return <ul>{tasks.map(({ id, title, state }) => <li key={id}>{title}: {state}</li>)}</ul>;
 * ```
 */
export function useTasks(options: UseTasksOptions = {}): TasksResult {
  const { owner, tasks: initial, cursor, enabled = true } = options;
  const live = useMemo(() => liveOrInvalid(() => liveTasks(owner), NO_TASKS), [owner]);
  const snapshot = useMemo(
    () =>
      initial && cursor !== undefined
        ? { value: Object.fromEntries(initial.map((task) => [taskChannel(task), task])), cursor }
        : undefined,
    // oxlint-disable-next-line react/exhaustive-deps -- it says how to start, once
    [owner],
  );
  const { data, status, error } = useLive(live, snapshot, { enabled });
  const tasks = useMemo(() => listTasks(data), [data]);
  return { tasks, status, error };
}
