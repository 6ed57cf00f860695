// @vitest-environment happy-dom
import { act } from "react";
import { createRoot } from "react-dom/client";
import { SseProvider } from "sse-bus/react";
import { createTasks } from "sse-bus/tasks";
import { createTestBus } from "sse-bus/testing";
import { expect, test, vi } from "vitest";
import { importOrders } from "./import-orders.ts";
import { ImportProgress } from "./import-progress.tsx";

test("a page shows an import that runs on the server, to its end", async () => {
  (globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;
  await using server = createTestBus();
  const tasks = createTasks({ bus: server.bus });
  const id = await importOrders(tasks, ["a", "b", "c"]);
  const snapshot = await tasks.read<{ imported: number }>(id);
  expect(snapshot.task?.title).toBe("Import of orders");

  const place = document.createElement("div");
  const root = createRoot(place);
  await act(async () =>
    root.render(
      <SseProvider url={server.url} fetch={server.fetch}>
        <ImportProgress id={id} snapshot={snapshot} cancel={tasks.cancel} />
      </SseProvider>,
    ),
  );
  await vi.waitFor(async () => {
    await act(async () => new Promise((resolve) => setTimeout(resolve, 5)));
    expect(place.textContent).toBe(
      "Import of orders: doneInserted a\nInserted b\nInserted c\n3 orders were imported.",
    );
  });
  expect(place.querySelector("progress")?.value).toBe(3);
  await act(async () => root.unmount());
});
