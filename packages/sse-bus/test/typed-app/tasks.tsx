import { useTask, useTasks } from "sse-bus/react";
import { createTasks, type Task, type TaskLine } from "sse-bus/tasks";
import { bus } from "./bus.ts";
import { same } from "./same.ts";

// Lines that must not compile are marked; typed-app.test.ts compiles this folder. The bus declares its channels,
// and need not declare those of its tasks.

const tasks = createTasks({ bus, maxRunning: 2, describeError: String });

export async function importOrders(owner?: string) {
  const task = await tasks.run({ title: "Import", owner }, async ({ signal, report }) => {
    report(1, { step: "reads" });
    signal.throwIfAborted();
    return { rows: 1 };
  });
  same<typeof task.result, Promise<{ rows: number }>>();
  const { result } = await tasks.run({ title: "Count" }, () => 1);
  same<typeof result, Promise<number>>();
  // @ts-expect-error -- a task has a title
  await tasks.run({}, () => 1);
  return tasks.read<{ rows: number }>(task.id, { owner });
}

export function Import({
  snapshot,
}: {
  readonly snapshot: Awaited<ReturnType<typeof importOrders>>;
}) {
  const { task, lines } = useTask("a", snapshot);
  same<typeof task, Task<{ rows: number }> | undefined>();
  same<typeof lines, readonly TaskLine[]>();
  const other = useTask("b", { owner: "ada", log: false });
  same<typeof other.task, Task | undefined>();
  const { tasks: all } = useTasks({ owner: "ada" });
  return <p>{`${task?.result?.rows} ${all.length}`}</p>;
}
