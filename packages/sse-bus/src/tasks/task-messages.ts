import { isInstanceId } from "../core/instances/instance-id.ts";
import type { TaskState } from "./task-types.ts";

/** The event of a task's state, on its channel. */
export const STATE_EVENT = "task";
/** The event of log lines, on the channel of its log. */
export const LINES_EVENT = "lines";

/** A state as it is published. The states of a run supersede each other. */
export interface TaskStateMessage {
  /** The instance. */
  readonly i: string;
  readonly run: string;
  readonly state: TaskState;
  readonly title: string;
  readonly info?: unknown;
  readonly done?: number | undefined;
  readonly total?: number | undefined;
  readonly step?: string | undefined;
  readonly startedAt: number;
  readonly endedAt?: number | undefined;
  readonly result?: unknown;
  readonly error?: string | undefined;
}

/**
 * Published by another instance: the instance of the task has died. It has a key of its own and supersedes no
 * state, because it says nothing about a task that has ended, or that runs on another instance by now.
 */
export interface LostTaskMessage {
  readonly lost: string;
}

/** Lines of a run: the first one has the number `n`. */
export interface TaskLinesMessage {
  readonly run: string;
  /** When the run started. */
  readonly startedAt: number;
  readonly n: number;
  readonly lines: readonly string[];
}

export const MAX_TEXT = 500;
export const MAX_LINE = 2000;
export const MAX_LINES_A_MESSAGE = 100;
const STATES: readonly unknown[] = ["running", "done", "failed", "cancelled", "lost"];

// Other programs can write to the log, and a member of a channel may publish to it: whatever is read is checked.

/** Whether data from the log is a task's state, or says that its instance has died. */
export function isTaskMessage(data: unknown): data is TaskStateMessage | LostTaskMessage {
  if (typeof data !== "object" || data === null) return false;
  if ("lost" in data) return isInstanceId(data.lost);
  const { i, run, state, title, startedAt, ...more } = data as Partial<TaskStateMessage>;
  const { done, total, step, endedAt, error } = more;
  return (
    isInstanceId(i) &&
    isInstanceId(run) &&
    STATES.includes(state) &&
    isText(title) &&
    isTime(startedAt) &&
    isOptional(done, isAmount) &&
    isOptional(total, isAmount) &&
    isOptional(step, isText) &&
    isOptional(endedAt, isTime) &&
    isOptional(error, isText)
  );
}

/** Whether data from the log are log lines. */
export function isLinesMessage(data: unknown): data is TaskLinesMessage {
  if (typeof data !== "object" || data === null) return false;
  const { run, startedAt, n, lines } = data as Partial<TaskLinesMessage>;
  return (
    isInstanceId(run) &&
    isTime(startedAt) &&
    Number.isSafeInteger(n) &&
    (n as number) > 0 &&
    Array.isArray(lines) &&
    lines.length <= MAX_LINES_A_MESSAGE &&
    lines.every((line) => typeof line === "string" && line.length <= MAX_LINE)
  );
}

export function isAmount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

/** Cuts a text that is too long, and marks that it was cut. */
export function cutText(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_TEXT;
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isOptional(value: unknown, isRight: (value: unknown) => boolean): boolean {
  return value === undefined || isRight(value);
}
