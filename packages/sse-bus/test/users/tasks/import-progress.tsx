"use client";
import { useTask } from "sse-bus/react";
import type { TaskSnapshot } from "sse-bus/tasks";

export function ImportProgress({
  id,
  snapshot,
  cancel,
}: {
  readonly id: string;
  readonly snapshot: TaskSnapshot<{ imported: number }>;
  readonly cancel: (id: string) => Promise<void>;
}) {
  const { task, lines } = useTask(id, snapshot);
  if (!task) return <p>There is no such import.</p>;
  return (
    <section>
      <h2>
        {task.title}: {task.state}
      </h2>
      <progress value={task.done ?? 0} max={task.total} />
      <pre>{lines.map(({ text }) => `${text}\n`)}</pre>
      {task.state === "running" && <button onClick={() => void cancel(id)}>Cancel</button>}
      {task.result && <p>{task.result.imported} orders were imported.</p>}
    </section>
  );
}
