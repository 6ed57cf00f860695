/**
 * - `running`: its function runs on an instance
 * - `done`: its function has returned
 * - `failed`: its function threw an error
 * - `cancelled`: `tasks.cancel` ended it
 * - `lost`: its instance was shut down or has died before it ended
 */
export type TaskState = "running" | "done" | "failed" | "cancelled" | "lost";

/** A task, as every page and every instance sees it. */
export interface Task<Result = unknown> {
  readonly id: string;
  readonly owner?: string | undefined;
  readonly state: TaskState;
  readonly title: string;
  /** What `tasks.run` was given for pages. */
  readonly info?: unknown;
  /** The progress, out of `total`. */
  readonly done?: number | undefined;
  /** Absent if it is unknown. */
  readonly total?: number | undefined;
  /** What it is doing now. */
  readonly step?: string | undefined;
  /** In ms since 1970, by the clock of the log. */
  readonly startedAt: number;
  /** Absent while it is running. */
  readonly endedAt?: number | undefined;
  /** What its function returned, as JSON. */
  readonly result?: Result | undefined;
  /** Why it failed. */
  readonly error?: string | undefined;
  /** Another one for each run of the same id. */
  readonly run: string;
  /** The instance that runs it. */
  readonly instance: string;
}

/** A line of a task's log. */
export interface TaskLine {
  /** Counts the lines of a run from 1. A number that is missing is a line that was dropped. */
  readonly n: number;
  readonly text: string;
}

/** The result of `tasks.read`, from which a page continues. */
export interface TaskSnapshot<Result = unknown> {
  readonly owner?: string | undefined;
  /** Undefined if the log has no task of this id. */
  readonly task: Task<Result> | undefined;
  /** The last lines of its log, oldest first. */
  readonly lines: readonly TaskLine[];
  /** Where the task is. */
  readonly cursor: string;
  /** Where its log is. */
  readonly logCursor: string;
}

/** The result of `tasks.list`, from which a page continues. */
export interface TaskListSnapshot {
  readonly owner?: string | undefined;
  /** Newest first. */
  readonly tasks: readonly Task[];
  readonly cursor: string;
}
