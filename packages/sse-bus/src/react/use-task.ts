"use client";

import { useMemo } from "react";
import type { SseClientError } from "../client/client-error.ts";
import type { SseStatus } from "../client/status.ts";
import { liveTask, liveTaskLog } from "../tasks/task-live.ts";
import { linesOf, NO_LINES } from "../tasks/task-state.ts";
import type { Task, TaskLine, TaskSnapshot } from "../tasks/task-types.ts";
import { liveOrInvalid } from "./live-or-invalid.ts";
import { useLive } from "./use-live.ts";

/** Options of {@link useTask}. The result of `tasks.read(id)` is one. */
export interface UseTaskOptions<Result = unknown> extends Partial<TaskSnapshot<Result>> {
  /** With `false`, the page does not receive the lines of the log. @default true */
  readonly log?: boolean | undefined;
  /** With `false`, the task stays as it is. @default true */
  readonly enabled?: boolean | undefined;
}

/** The result of {@link useTask}. */
export interface TaskResult<Result = unknown> {
  /** Undefined if the log has no task of this id. */
  readonly task: Task<Result> | undefined;
  /** The last 500 lines of its log, oldest first. */
  readonly lines: readonly TaskLine[];
  /** `open` if the task and its log are live. */
  readonly status: SseStatus;
  /** Why the stream was lost, or refused. */
  readonly error: SseClientError | undefined;
}

/**
 * Shows a task and its log, wherever it runs. A page that opens late, reloads or is in another window shows the same.
 *
 * @param options the result of `tasks.read(id)` on the server, or only the owner. Read at the first render of an id
 * @example
 * ```tsx
 * const { task, lines } = useTask(id, snapshot);
 * return <progress value={task?.done} max={task?.total} />;
 * ```
 */
export function useTask<Result = unknown>(
  id: string,
  options: UseTaskOptions<Result> = {},
): TaskResult<Result> {
  const { owner, task: initial = null, lines = [], cursor, logCursor, ...more } = options;
  const { log: hasLog = true, enabled = true } = more;
  const [state, log] = useMemo(
    () =>
      [
        liveOrInvalid(() => liveTask({ id, owner }), null),
        liveOrInvalid(() => liveTaskLog({ id, owner }), NO_LINES),
      ] as const,
    [id, owner],
  );
  const ofTask = useLive(state, cursor === undefined ? undefined : { value: initial, cursor }, {
    enabled,
  });
  const ofLog = useLive(
    log,
    logCursor === undefined
      ? undefined
      : {
          value: { run: initial?.run ?? "", startedAt: initial?.startedAt ?? 0, lines },
          cursor: logCursor,
        },
    { enabled: enabled && hasLog },
  );
  const shown = hasLog && ofTask.status === "open" ? ofLog : ofTask;
  return {
    task: (ofTask.data as Task<Result> | null) ?? undefined,
    lines: linesOf(ofTask.data, ofLog.data),
    status: shown.status,
    error: shown.error,
  };
}
