import { readTaskChannel } from "./task-channels.ts";
import type { TaskLinesMessage, LostTaskMessage, TaskStateMessage } from "./task-messages.ts";
import type { Task, TaskLine } from "./task-types.ts";

// What messages add up to, on servers and in browsers alike. Every message has passed `isTaskMessage` or
// `isLinesMessage`.

/** Where a message was published, and when (ms since 1970). */
export interface MessagePlace {
  readonly channel: string;
  readonly time: number;
}

/** The tasks of a list, by channel. */
export type TaskTable = Readonly<Record<string, Task>>;

/** The last lines of a task's log. */
export interface TaskLog {
  /** The run that they are of; empty before the first line. */
  readonly run: string;
  readonly startedAt: number;
  readonly lines: readonly TaskLine[];
}

export const NO_TASKS: TaskTable = {};
export const NO_LINES: TaskLog = { run: "", startedAt: 0, lines: [] };

/** Lines of a task that are shown. */
const MAX_LINES = 500;
/** Tasks of a list. With more, those that ended first are left out. */
const MAX_LISTED_TASKS = 200;

/** A task after a message. `null` if there is none: it travels as JSON. */
export function reduceTask(
  task: Task | null,
  data: TaskStateMessage | LostTaskMessage,
  { channel, time }: MessagePlace,
): Task | null {
  if ("lost" in data) {
    const isMeant = task?.state === "running" && task.instance === data.lost;
    return isMeant ? { ...task, state: "lost", endedAt: time } : task;
  }
  const address = readTaskChannel(channel);
  if (!address || isOfEarlierRun(task, data)) return task;
  const { i: instance, run, state, title, startedAt, result, info, ...more } = data;
  const { done, total, step, endedAt, error } = more;
  return {
    ...address,
    state,
    title,
    ...(info !== undefined && { info }),
    ...(done !== undefined && { done }),
    ...(total !== undefined && { total }),
    ...(step !== undefined && { step }),
    // A wrong clock must not make it the newest one forever.
    startedAt: Math.min(startedAt, time),
    ...(state !== "running" && { endedAt: Math.min(endedAt ?? time, time) }),
    ...(result !== undefined && { result }),
    ...(error !== undefined && { error }),
    run,
    instance,
  };
}

/** An instance that was paused may still report a run, though the task runs elsewhere by now. */
function isOfEarlierRun(
  known: Task | TaskLog | null,
  { run, startedAt }: TaskStateMessage | TaskLinesMessage,
): boolean {
  return known !== null && run !== known.run && startedAt < known.startedAt;
}

/** The tasks of a list after a message. */
export function reduceTasks(
  tasks: TaskTable,
  data: TaskStateMessage | LostTaskMessage,
  place: MessagePlace,
): TaskTable {
  const before = tasks[place.channel] ?? null;
  const task = reduceTask(before, data, place);
  if (!task || task === before) return tasks;
  const all = { ...tasks, [place.channel]: task };
  if (before || Object.keys(all).length <= MAX_LISTED_TASKS) return all;
  // oxlint-disable-next-line unicorn/no-array-sort -- a new array, and pages run in browsers of ES2022
  const kept = Object.entries(all).sort(([, a], [, b]) => compare(a, b));
  return Object.fromEntries(kept.slice(0, MAX_LISTED_TASKS));
}

/** A log after a message. Lines that were counted already change nothing: they were published twice. */
export function reduceLines(
  log: TaskLog,
  data: TaskLinesMessage,
  { time }: Pick<MessagePlace, "time">,
): TaskLog {
  if (isOfEarlierRun(log, data)) return log;
  const { run, startedAt, n, lines } = data;
  const before = log.run === run ? log.lines : [];
  const last = before.at(-1)?.n ?? 0;
  const added = lines
    .map((text, index) => ({ n: n + index, text }))
    .filter((line) => line.n > last);
  if (added.length === 0) return log;
  return {
    run,
    startedAt: Math.min(startedAt, time),
    lines: [...before, ...added].slice(-MAX_LINES),
  };
}

/** The tasks of a list, newest first. */
export function listTasks(tasks: TaskTable): Task[] {
  // oxlint-disable-next-line unicorn/no-array-sort -- a new array, and pages run in browsers of ES2022
  return Object.values(tasks).sort((a, b) => b.startedAt - a.startedAt);
}

/** The lines of the task's newest run. */
export function linesOf(task: Task | null, log: TaskLog): readonly TaskLine[] {
  return task && task.run !== log.run ? [] : log.lines;
}

/** Running tasks first, then those that started last. */
function compare(a: Task, b: Task): number {
  const byState = Number(b.state === "running") - Number(a.state === "running");
  return byState || b.startedAt - a.startedAt;
}
