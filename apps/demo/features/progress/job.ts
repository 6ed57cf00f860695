import type { Task } from "sse-bus/tasks";

export type JobKind = "task" | "upload" | "build";

/** One id for all builds: each is another run of the same task. */
export const buildId = "build";
export const maxUploadBytes = 100_000_000;

/** The kind, which `tasks.run` got as `info`. Other programs can write to the log. */
export function kindOf({ info }: Pick<Task, "info">): JobKind {
  return (["upload", "build"] as const).find((kind) => kind === info) ?? "task";
}
