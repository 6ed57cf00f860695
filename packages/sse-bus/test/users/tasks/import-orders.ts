import type { Tasks } from "sse-bus/tasks";

/** Imports rows as a task that every page can show. */
export async function importOrders(tasks: Tasks, rows: readonly string[]): Promise<string> {
  const { id } = await tasks.run(
    { title: "Import of orders", total: rows.length },
    async ({ signal, report, log }) => {
      for (const [index, row] of rows.entries()) {
        signal.throwIfAborted();
        await insert(row, { signal });
        log(`Inserted ${row}`);
        report(index + 1);
      }
      return { imported: rows.length };
    },
  );
  return id;
}

/** Part of your application. */
async function insert(_: string, { signal }: { readonly signal: AbortSignal }): Promise<void> {
  signal.throwIfAborted();
}
