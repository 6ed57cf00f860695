/**
 * Tasks: long work that reports its progress, and that any instance can cancel.
 *
 * @module
 */

export { createTasks, type TaskOwner, type Tasks } from "./create-tasks.ts";
export { type TaskAddress, tasksPattern } from "./task-channels.ts";
export type {
  ReportOptions,
  TaskContext,
  TaskHandle,
  TaskOptions,
  TasksOptions,
  TaskWork,
} from "./task-options.ts";
export type { Task, TaskLine, TaskListSnapshot, TaskSnapshot, TaskState } from "./task-types.ts";
