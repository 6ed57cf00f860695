import { describe, expect, test } from "vitest";
import { createInstanceId } from "../core/instances/instance-id.ts";
import { readTaskChannel, taskChannel, tasksPattern } from "./task-channels.ts";
import { isLinesMessage, isTaskMessage } from "./task-messages.ts";
import type { TaskLinesMessage, TaskStateMessage } from "./task-messages.ts";
import {
  linesOf,
  listTasks,
  NO_LINES,
  reduceLines,
  reduceTask,
  reduceTasks,
} from "./task-state.ts";
import type { Task } from "./task-types.ts";
import type { TaskTable } from "./task-state.ts";

const [one, two] = [createInstanceId(), createInstanceId()];
const [firstRun, secondRun] = [createInstanceId(), createInstanceId()];
const place = { channel: "tasks/import", time: 2000 };

function state(more: Partial<TaskStateMessage> = {}): TaskStateMessage {
  return { i: one, run: firstRun, state: "running", title: "Import", startedAt: 1000, ...more };
}

describe("a task's channel", () => {
  test.each([
    [{ id: "42" }, "tasks/42"],
    [{ id: "42", owner: "ada@example.com" }, "tasks/~ada:40example.com/42"],
    [{ id: "~42/7" }, "tasks/:7E42:2F7"],
    [{ id: "log", owner: "~" }, "tasks/~:7E/log"],
  ])("has its id and owner: %j", (address, channel) => {
    expect(taskChannel(address)).toBe(channel);
    expect(readTaskChannel(channel)).toEqual(address);
  });

  test.each([
    [{ id: "" }],
    [{ id: "42", owner: "" }],
    [{ id: "x".repeat(200) }],
    [{ id: 42 }],
    [{ id: "\ud800" }],
  ])("refuses %j", (address) => {
    expect(() => taskChannel(address as never)).toThrow(
      expect.objectContaining({ code: "INVALID_ID" }),
    );
  });

  test.each(["tasks", "tasks/", "tasks/~", "tasks/~/1", "tasks/a/log", "jobs/1", "tasks/:zz"])(
    "is not %s",
    (channel) => {
      expect(readTaskChannel(channel)).toBeUndefined();
    },
  );

  test("of an owner is within that owner's pattern, and in no other one", () => {
    expect(tasksPattern("ada")).toBe("tasks/~ada/**");
    expect(tasksPattern()).toBe("tasks/**");
  });
});

describe("a task", () => {
  test("is its newest state", () => {
    const running = reduceTask(null, state({ done: 1, total: 3, step: "reads" }), place);
    expect(running).toEqual({
      id: "import",
      state: "running",
      title: "Import",
      done: 1,
      total: 3,
      step: "reads",
      startedAt: 1000,
      run: firstRun,
      instance: one,
    });
    const done = reduceTask(running, state({ state: "done", result: { rows: 3 } }), place);
    expect(done).toMatchObject({ state: "done", result: { rows: 3 }, endedAt: 2000 });
  });

  test("is lost when its instance has died, but not if it has ended or runs elsewhere", () => {
    const running = reduceTask(null, state(), place);
    expect(reduceTask(running, { lost: one }, place)).toMatchObject({
      state: "lost",
      endedAt: 2000,
    });
    expect(reduceTask(running, { lost: two }, place)).toBe(running);
    const done = reduceTask(running, state({ state: "done" }), place);
    expect(reduceTask(done, { lost: one }, place)).toBe(done);
    expect(reduceTask(null, { lost: one }, place)).toBeNull();
  });

  test("keeps the newest run when an instance that was paused reports an earlier one", () => {
    const second = reduceTask(null, state({ run: secondRun, i: two, startedAt: 1500 }), place);
    expect(reduceTask(second, state({ done: 5 }), place)).toBe(second);
    expect(
      reduceTask(
        reduceTask(null, state(), place),
        state({ run: secondRun, startedAt: 1000 }),
        place,
      ),
    ).toMatchObject({ run: secondRun });
  });

  test("did not start after its message was stored", () => {
    expect(reduceTask(null, state({ startedAt: 9_999_999 }), place)?.startedAt).toBe(2000);
  });
});

describe("a list of tasks", () => {
  test("has the newest first, and at most 200, the running ones in any case", () => {
    let tasks: TaskTable = {};
    for (let n = 0; n < 300; n++) {
      const message = state({ startedAt: n, state: n < 10 ? "running" : "done" });
      tasks = reduceTasks(tasks, message, { channel: `tasks/${n}`, time: 1000 });
    }
    const ids = listTasks(tasks).map(({ id }) => Number(id));
    expect(ids).toHaveLength(200);
    expect(ids[0]).toBe(299);
    expect(ids.slice(-10)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  });
});

describe("a log", () => {
  const empty = NO_LINES;
  const at = { time: 5000 };
  const linesFrom = (n: number, ...lines: string[]): TaskLinesMessage => ({
    run: firstRun,
    startedAt: 1000,
    n,
    lines,
  });

  test("has each line once, with its number, and the last 500", () => {
    let log = reduceLines(empty, linesFrom(1, "a", "b"), at);
    log = reduceLines(log, linesFrom(2, "b", "c"), at);
    expect(log.lines).toEqual([
      { n: 1, text: "a" },
      { n: 2, text: "b" },
      { n: 3, text: "c" },
    ]);
    for (let n = 4; n < 1000; n++) log = reduceLines(log, linesFrom(n, String(n)), at);
    expect([log.lines.length, log.lines[0]?.n]).toEqual([500, 500]);
  });

  test("starts again with a new run, and is shown with the task of the same run only", () => {
    const log = reduceLines(empty, linesFrom(1, "a"), at);
    const task = reduceTask(null, state({ run: secondRun }), place) as Task;
    expect(linesOf(task, log)).toEqual([]);
    const next = reduceLines(log, { ...linesFrom(1, "b"), run: secondRun }, at);
    expect(linesOf(task, next)).toEqual([{ n: 1, text: "b" }]);
  });

  test("keeps the newest run's lines when an instance that was paused publishes lines of an earlier one", () => {
    const second = { ...linesFrom(1, "b"), run: secondRun, startedAt: 1500 };
    const log = reduceLines(empty, second, at);
    expect(reduceLines(log, linesFrom(7, "a"), at)).toBe(log);
    // A wrong clock does not make a run the newest one forever.
    const early = reduceLines(empty, { ...second, startedAt: 9_999_999 }, at);
    const third = reduceLines(early, { ...linesFrom(1, "c"), startedAt: 6000 }, { time: 6000 });
    expect(third.lines).toEqual([{ n: 1, text: "c" }]);
  });
});

describe("what another program may have written", () => {
  test.each([
    [null],
    ["running"],
    [{}],
    [{ ...state(), i: "x" }],
    [{ ...state(), run: 1 }],
    [{ ...state(), state: "gone" }],
    [{ ...state(), title: "x".repeat(501) }],
    [{ ...state(), done: "1" }],
    [{ ...state(), done: -1 }],
    [{ ...state(), startedAt: 0.5 }],
    [{ ...state(), error: {} }],
    [{ lost: "x" }],
  ])("is no state: %j", (data) => {
    expect(isTaskMessage(data)).toBe(false);
  });

  test.each([
    [{ n: 0, lines: [] }],
    [{ lines: "a" }],
    [{ lines: [1] }],
    [{ lines: ["x".repeat(2001)] }],
    [{ lines: Array.from({ length: 101 }, () => "x") }],
    [{ run: "" }],
    [{ startedAt: undefined }],
    [{ startedAt: -1 }],
  ])("are no lines: %j", (wrong) => {
    const data = { run: firstRun, startedAt: 1000, n: 1, lines: ["a"] };
    expect(isLinesMessage(data)).toBe(true);
    expect(isLinesMessage({ ...data, ...wrong })).toBe(false);
  });
});
