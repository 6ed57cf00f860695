import { createTasks, type TaskContext, type TaskHandle, type TaskOptions } from "sse-bus/tasks";
import { perProcess } from "@/lib/per-process";
import { bus } from "@/lib/sse-bus";

/** Running tasks of a kind in this process: slow uploads must not block other tasks. */
const maxRunning = 4;

// Pages may show the messages: they are the demo's own.
export const tasks = createTasks({ bus, describeError: (error) => (error as Error).message });

/** Starts a task that every window can follow. */
export async function startTask(
  kind: "task" | "upload",
  options: TaskOptions,
  work: (context: TaskContext) => Promise<string>,
): Promise<TaskHandle<string>> {
  const running = perProcess(`running ${kind}`, () => new Set<unknown>());
  if (running.size >= maxRunning) throw new Error("The server has enough to do. Try again soon.");
  const started = tasks.run({ ...options, info: kind }, work);
  const end = () => running.delete(started);
  running.add(started);
  void started.then(async ({ result }) => result).then(end, end);
  return started;
}
