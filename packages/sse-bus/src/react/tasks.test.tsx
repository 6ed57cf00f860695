// @vitest-environment happy-dom
import { act, type ReactNode, StrictMode } from "react";
import { hydrateRoot } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  roots,
  settle,
  show as render,
  unmountAll,
  until,
} from "../../test/support/react-page.tsx";
import { createTasks, type TaskContext, type Tasks, tasksPattern } from "../tasks/index.ts";
import { createTestBus, type TestBus } from "../testing/test-bus.ts";
import { topicCovers } from "../core/channel-name.ts";
import {
  SseProvider,
  useTask,
  type UseTaskOptions,
  useTasks,
  type UseTasksOptions,
} from "./index.ts";

// The hooks, the client, the route, the bus and its tasks together, without mocks.

let server: TestBus;
let tasks: Tasks;

beforeEach(() => {
  (globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;
  server = createTestBus();
  tasks = createTasks({ bus: server.bus, intervalMs: 0 });
});

afterEach(async () => {
  await unmountAll();
  await server.close();
});

function App({ children }: { readonly children: ReactNode }) {
  return (
    <SseProvider url={server.url} fetch={server.fetch} backoff={{ baseMs: 0 }} onError={() => {}}>
      {children}
    </SseProvider>
  );
}

const show = async (children: ReactNode): Promise<HTMLElement> => render(<App>{children}</App>);

function Shown({ id, ...options }: { readonly id: string } & UseTaskOptions) {
  const { task, lines, status } = useTask(id, options);
  const text = task ? `${task.state} ${task.done ?? "-"}/${task.total ?? "-"}` : "none";
  return <p>{`${status} ${text} ${lines.map(({ text }) => text).join()}`}</p>;
}

function List(options: UseTasksOptions) {
  const { tasks, status } = useTasks(options);
  return <p>{`${status} ${tasks.map(({ title, state }) => `${title} ${state}`).join()}`}</p>;
}

/** A task that does what the test says, until it says `end`. */
async function startScripted(options: { readonly id?: string; readonly owner?: string } = {}) {
  let end = (): void => {};
  let context!: TaskContext;
  const run = (given: TaskContext): Promise<void> => {
    context = given;
    return new Promise((resolve, reject) => {
      end = resolve;
      given.signal.addEventListener("abort", () => reject(given.signal.reason as Error));
    });
  };
  let id = "";
  await settle(async () => {
    ({ id } = await tasks.run({ title: "Import", total: 3, ...options }, run));
  });
  return { id, context, end: () => end() };
}

test("a page shows a task from its start to its end, and a page that opens late shows the same", async () => {
  const early = await show(<Shown id="a" />);
  await until(() => expect(early.textContent).toBe("open none "));
  const { context, end } = await startScripted({ id: "a" });
  await until(() => expect(early.textContent).toBe("open running -/3 "));
  await settle(() => context.report(1));
  await settle(() => context.log("first"));
  await until(() => expect(early.textContent).toBe("open running 1/3 first"));
  const late = await show(
    <StrictMode>
      <Shown id="a" />
    </StrictMode>,
  );
  await until(() => expect(late.textContent).toBe("open running 1/3 first"));
  await settle(() => {
    context.log("second");
    context.report(3);
    end();
  });
  for (const page of [early, late]) {
    await until(() => expect(page.textContent).toBe("open done 3/3 first,second"));
  }
  const reloaded = await show(<Shown id="a" />);
  await until(() => expect(reloaded.textContent).toBe("open done 3/3 first,second"));
});

test("a page continues from what the server rendered, without losing or repeating a line", async () => {
  const { context, id, end } = await startScripted();
  context.log("before");
  context.report(1);
  await vi.waitFor(async () => expect((await tasks.read(id)).lines).toHaveLength(1));
  await vi.waitFor(async () => expect((await tasks.read(id)).task?.done).toBe(1));
  const snapshot = await tasks.read(id);
  const app = (
    <App>
      <Shown id={id} {...snapshot} />
    </App>
  );
  const place = document.createElement("div");
  place.innerHTML = renderToString(app);
  expect(place.textContent).toBe("idle running 1/3 before");
  context.log("between");
  context.report(2);
  await act(async () => roots.push(hydrateRoot(place, app)));
  await until(() => expect(place.textContent).toBe("open running 2/3 before,between"));
  await settle(() => {
    server.cut();
    context.log("after");
    end();
  });
  await until(() => expect(place.textContent).toBe("open done 2/3 before,between,after"));
});

test("a list has all tasks of an owner, live, and none of another one", async () => {
  const own = await startScripted({ owner: "ada" });
  await startScripted({ owner: "eve" });
  await startScripted();
  const snapshot = await tasks.list({ owner: "ada" });
  const [page, fresh] = [await show(<List {...snapshot} />), await show(<List owner="ada" />)];
  for (const list of [page, fresh]) {
    await until(() => expect(list.textContent).toBe("open Import running"));
  }
  await settle(() => tasks.run({ title: "Export", owner: "ada" }, () => {}));
  await settle(() => tasks.cancel(own.id, { owner: "ada" }));
  for (const list of [page, fresh]) {
    await until(() => expect(list.textContent).toMatch(/Export done/));
    await until(() => expect(list.textContent).toMatch(/Import cancelled/));
  }
});

test("`authorize` separates owners with one pattern", async () => {
  await server.close();
  server = createTestBus({
    authorize: ({ channels }) => channels.every((one) => topicCovers(tasksPattern("ada"), one)),
  });
  tasks = createTasks({ bus: server.bus });
  await startScripted({ id: "a", owner: "ada" });
  await startScripted({ id: "a", owner: "eve" });
  const page = await show(
    <>
      <Shown id="a" owner="ada" />
      <List owner="ada" />
      <Shown id="a" owner="eve" />
      <List owner="eve" />
      <List />
    </>,
  );
  const shown = () => [...page.querySelectorAll("p")].map(({ textContent }) => textContent);
  await until(() =>
    expect(shown()).toEqual([
      "open running -/3 ",
      "open Import running",
      "failed none ",
      "failed ",
      "failed ",
    ]),
  );
});

test("a hook with an id that cannot be a task's fails alone, and the page stays", async () => {
  await startScripted({ id: "a" });
  const page = await show(
    <>
      <Shown id="" />
      <List owner={"x".repeat(300)} />
      <Shown id="a" log={false} />
    </>,
  );
  const shown = () => [...page.querySelectorAll("p")].map(({ textContent }) => textContent);
  await until(() => expect(shown()).toEqual(["failed none ", "failed ", "open running -/3 "]));
});
