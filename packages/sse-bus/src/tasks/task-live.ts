import { defineLive, type Live } from "../live/define-live.ts";
import { type TaskAddress, taskChannel, taskListPattern, taskLogChannel } from "./task-channels.ts";
import { isLinesMessage, isTaskMessage, LINES_EVENT, STATE_EVENT } from "./task-messages.ts";
import { NO_LINES, NO_TASKS, reduceLines, reduceTask, reduceTasks } from "./task-state.ts";
import type { TaskLog, TaskTable } from "./task-state.ts";
import type { Task } from "./task-types.ts";

// Live values, for `tasks.read` and the hooks alike.

/** A task without its log; `null` if there is none. @throws SseBusError `INVALID_ID` */
export function liveTask(address: TaskAddress): Live<Task | null> {
  return defineLive({
    channel: taskChannel(address),
    event: STATE_EVENT,
    initial: null as Task | null,
    validate: isTaskMessage,
    reduce: reduceTask,
  });
}

/** The last lines of a task's log. @throws SseBusError `INVALID_ID` */
export function liveTaskLog(address: TaskAddress): Live<TaskLog> {
  return defineLive({
    channel: taskLogChannel(address),
    event: LINES_EVENT,
    initial: NO_LINES,
    validate: isLinesMessage,
    reduce: reduceLines,
  });
}

/** The tasks of an owner, or those without one. @throws SseBusError `INVALID_ID` */
export function liveTasks(owner: string | undefined): Live<TaskTable> {
  return defineLive({
    channel: taskListPattern(owner),
    event: STATE_EVENT,
    initial: NO_TASKS,
    validate: isTaskMessage,
    reduce: reduceTasks,
  });
}
