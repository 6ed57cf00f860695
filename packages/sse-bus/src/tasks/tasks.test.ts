import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createLaggingServer } from "../../test/support/lagging-server.ts";
import { createSharedLog, type LogLink } from "../../test/support/shared-log.ts";
import { createBus, internalsOf } from "../core/bus.ts";
import type { Backend } from "../core/backend.ts";
import type { Bus, BusOptions } from "../core/bus-types.ts";
import { SseBusError } from "../core/errors.ts";
import { drainConnections } from "../http/drain.ts";
import { createTasks, type Tasks, type TaskContext, type TasksOptions } from "./index.ts";

const LEASE_MS = 5000;

interface Instance {
  readonly bus: Bus;
  readonly tasks: Tasks;
  readonly link: LogLink;
  readonly errors: (Error & { code?: string; cause?: unknown })[];
}

const log = { current: createSharedLog() };
let open: Bus[] = [];

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date", "performance"],
  });
  log.current = createSharedLog();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  const closing = Promise.all(open.map((bus) => bus.close()));
  open = [];
  await pass(2000);
  await closing;
  vi.useRealTimers();
});

function openInstance(
  options: Omit<TasksOptions, "bus"> = {},
  busOptions: BusOptions = {},
): Instance {
  const link = log.current.connect();
  return { ...openOn(link.backend, options, busOptions), link };
}

function openOn(
  backend: Backend,
  options: Omit<TasksOptions, "bus"> = {},
  busOptions: BusOptions = {},
): Omit<Instance, "link"> {
  const errors: Error[] = [];
  const onError = (error: Error): void => void errors.push(error);
  const bus = createBus({ ...busOptions, backend, onError });
  open.push(bus);
  return { bus, errors, tasks: createTasks({ bus, ...options }) };
}

/** The process is killed: nothing of it reaches the log any more. */
function kill(instance: Instance): void {
  open = open.filter((bus) => bus !== instance.bus);
  instance.link.cut();
}

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

/** Runs until its signal aborts. */
function untilAborted({ signal }: TaskContext): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error));
  });
}

async function stateOf({ tasks }: Pick<Instance, "tasks">, id: string, owner?: string) {
  return (await tasks.read(id, { owner })).task?.state;
}

function publishedOn({ link }: Instance, channel: string) {
  return link.published.filter((message) => message.channel === channel);
}

function deferred<T = void>() {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}

describe("a task", () => {
  test("is running, then done with its result, on every instance", async () => {
    const [one, two] = [openInstance(), openInstance()];
    const end = deferred();
    const { id, result } = await one.tasks.run(
      { title: "Import", total: 3, info: { kind: "csv" } },
      async ({ report }) => {
        report(2, { step: "reads" });
        await end.promise;
        return { rows: 3 };
      },
    );
    await pass(100);
    expect((await two.tasks.read(id)).task).toMatchObject({
      id,
      state: "running",
      title: "Import",
      info: { kind: "csv" },
      done: 2,
      total: 3,
      step: "reads",
    });
    end.resolve();
    expect(await result).toEqual({ rows: 3 });
    const { task } = await two.tasks.read(id);
    expect(task).toMatchObject({ state: "done", result: { rows: 3 } });
    expect(task?.endedAt).toBeGreaterThanOrEqual(task?.startedAt as number);
    expect([one.errors, two.errors]).toEqual([[], []]);
  });

  test("that throws is failed; pages get no message of it unless `describeError` says so", async () => {
    const one = openInstance();
    const cause = new Error("password is hunter2");
    const { id, result } = await one.tasks.run({ title: "Import" }, () => {
      throw cause;
    });
    await expect(result).rejects.toBe(cause);
    expect((await one.tasks.read(id)).task).toMatchObject({
      state: "failed",
      error: "The task failed.",
    });
    expect(one.errors).toMatchObject([{ code: "RUN_FAILED", cause }]);
    const two = openInstance({ describeError: (error) => (error as Error).message });
    const again = await two.tasks.run({ title: "Import" }, async () => Promise.reject(cause));
    await expect(again.result).rejects.toBe(cause);
    expect((await two.tasks.read(again.id)).task?.error).toBe("password is hunter2");
  });

  test("that nobody awaits causes no unhandled rejection, whatever fails", async () => {
    const rejections: unknown[] = [];
    const note = (reason: unknown): void => void rejections.push(reason);
    process.on("unhandledRejection", note);
    const one = openInstance({ maxRunning: 1 });
    void one.tasks.run({ title: "Fails" }, () => Promise.reject(new Error("no")));
    await pass(100);
    void one.tasks.run({ title: "Is cancelled", id: "a" }, untilAborted);
    await pass(100);
    void one.tasks.run({ title: "Runs already", id: "a" }, untilAborted);
    void one.tasks.run({ title: "Is one too many" }, untilAborted);
    void one.tasks.run({ title: "" }, untilAborted);
    await one.tasks.cancel("a");
    await pass(100);
    // Node.js reports them after the microtasks.
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", note);
    expect(rejections).toEqual([]);
    expect(new Set(one.errors.map(({ code }) => code))).toEqual(
      new Set(["INVALID_OPTION", "RUN_FAILED", "TOO_MANY_TASKS"]),
    );
  });

  test.each([
    ["too large", "x".repeat(20_000), "MESSAGE_TOO_LARGE"],
    ["no JSON", new Map(), "INVALID_DATA"],
  ])("whose result is %s is done without it, and says so", async (_, value, code) => {
    const one = openInstance();
    const { id, result } = await one.tasks.run({ title: "Import" }, () => value);
    expect(await result).toBe(value);
    const { task } = await one.tasks.read(id);
    expect([task?.state, task?.result]).toEqual(["done", undefined]);
    expect(one.errors).toMatchObject([{ code }]);
  });

  test("that could not be started is failed, where its start was stored all the same", async () => {
    const { backend } = log.current.connect();
    let answers = 0;
    const one = openOn({
      ...backend,
      async publish(message) {
        const stored = await backend.publish(message);
        if (message.event !== "task" || answers++ > 0) return stored;
        throw new SseBusError("BACKEND_UNAVAILABLE", "The answer was lost.");
      },
    });
    const work = vi.fn<() => void>();
    const started = one.tasks.run({ id: "a", title: "Import" }, work);
    await expect(started).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
    await pass(1000);
    const { task } = await one.tasks.read("a");
    expect(task).toMatchObject({ state: "failed", error: "The task was not started." });
    expect(work).not.toHaveBeenCalled();
    await (
      await one.tasks.run({ id: "a", title: "Import" }, () => 1)
    ).result;
    expect(await stateOf(one, "a")).toBe("done");
  });

  test("of an owner does not exist without the owner", async () => {
    const one = openInstance();
    const task = await one.tasks.run({ id: "a", owner: "ada", title: "Import" }, untilAborted);
    expect(task.owner).toBe("ada");
    await one.tasks.cancel("a");
    await one.tasks.cancel("a", { owner: "eve" });
    expect(await stateOf(one, "a")).toBeUndefined();
    expect(await stateOf(one, "a", "eve")).toBeUndefined();
    expect(await stateOf(one, "a", "ada")).toBe("running");
    expect((await one.tasks.list()).tasks).toEqual([]);
    expect((await one.tasks.list({ owner: "ada" })).tasks).toMatchObject([
      { id: "a", owner: "ada" },
    ]);
  });

  test("needs no schema of the application", async () => {
    const schema = {
      "~standard": { version: 1 as const, vendor: "", validate: () => ({ value: 1 }) },
    };
    const one = openInstance({}, { schemas: { orders: { message: schema } }, maxMessageBytes: 10 });
    const { id, result } = await one.tasks.run({ title: "Import" }, ({ log }) => log("a line"));
    await result;
    expect(await stateOf(one, id)).toBe("done");
    expect((await one.tasks.read(id)).lines).toEqual([{ n: 1, text: "a line" }]);
  });
});

describe("an id", () => {
  test("runs once at a time, on all instances, and again after its end", async () => {
    const [one, two] = [openInstance(), openInstance()];
    const first = await one.tasks.run({ id: "a", title: "Import" }, untilAborted);
    for (const { tasks } of [one, two]) {
      await expect(tasks.run({ id: "a", title: "Import" }, untilAborted)).rejects.toMatchObject({
        code: "TASK_RUNNING",
      });
    }
    await one.tasks.cancel("a");
    await expect(first.result).rejects.toMatchObject({ code: "TASK_CANCELLED" });
    const second = await two.tasks.run({ id: "a", title: "Import" }, () => 2);
    expect(await second.result).toBe(2);
    expect(await stateOf(one, "a")).toBe("done");
    expect([one.errors, two.errors]).toEqual([[], []]);
  });

  test("that several instances start at the same moment runs on one of them", async () => {
    const instances = [openInstance(), openInstance(), openInstance()];
    await pass(10);
    const started = await Promise.allSettled(
      instances.map(({ tasks }) => tasks.run({ id: "a", title: "Import" }, untilAborted)),
    );
    const fulfilled = started.filter(({ status }) => status === "fulfilled");
    expect(fulfilled).toHaveLength(1);
  });
});

/** Its first claim is stored, but the answer is lost; the end of that claim is not stored. */
function openWithLostAnswers({ backend }: LogLink) {
  let claims = 0;
  return openOn({
    ...backend,
    async publish(message) {
      if (message.event !== "claim" || ++claims > 2) return backend.publish(message);
      if (claims === 1) void backend.publish(message);
      throw new SseBusError("BACKEND_UNAVAILABLE", "The answer was lost.");
    },
  });
}

async function startAny({ tasks }: Pick<Instance, "tasks">) {
  return tasks.run({ id: "a", title: "Import" }, () => 1);
}

describe("an id whose start failed is free, on all instances,", () => {
  test("though its claim was stored, and the end of it was not", async () => {
    const [one, two] = [openWithLostAnswers(log.current.connect()), openInstance()];
    await expect(startAny(one)).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
    await expect(startAny(two)).rejects.toMatchObject({ code: "TASK_RUNNING" });
    await pass(5000);
    expect(await (await startAny(two)).result).toBe(1);
  });

  test("though its claim arrives afterwards", async () => {
    const link = log.current.connect();
    const [one, two] = [openWithLostAnswers(link), openInstance()];
    await pass(10);
    link.delay();
    await expect(startAny(one)).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
    link.connect();
    await pass(100);
    expect(await (await startAny(two)).result).toBe(1);
  });
});

/** `two` does not know yet that `one` runs the task, and waits for the answer to its claim. */
async function startBoth() {
  const [one, two] = [openInstance(), openInstance()];
  await pass(100);
  two.link.delay();
  const { result } = await one.tasks.run({ id: "a", title: "First" }, untilAborted);
  const late = two.tasks.run({ id: "a", title: "Second" }, untilAborted);
  await pass(100);
  return { one, two, result, late };
}

describe("a start that another instance was faster than", () => {
  test("publishes no state, whatever happens to its server", async () => {
    const { one, two, late } = await startBoth();
    drainConnections(internalsOf(two.bus));
    await pass(100);
    two.link.connect();
    await expect(late).rejects.toMatchObject({ code: expect.stringMatching(/TASK_RUNNING|BUS_/) });
    await pass(100);
    expect((await one.tasks.read("a")).task).toMatchObject({ state: "running", title: "First" });
    expect(publishedOn(two, "tasks/a")).toEqual([]);
  });

  test("does not keep its instance from cancelling the task elsewhere", async () => {
    const { one, two, result, late } = await startBoth();
    const cancelled = two.tasks.cancel("a");
    await expect(result).rejects.toMatchObject({ code: "TASK_CANCELLED" });
    two.link.connect();
    await cancelled;
    await expect(late.then((handle) => handle.result)).rejects.toMatchObject({
      code: expect.stringMatching(/TASK_/),
    });
    await pass(100);
    expect(await stateOf(one, "a")).toBe("cancelled");
  });
});

describe("progress", () => {
  test("is published immediately, then at most once an interval, and the last one is never left out", async () => {
    const one = openInstance();
    const { id } = await one.tasks.run({ title: "Import", total: 1000 }, async (task) => {
      for (let n = 1; n <= 50; n++) {
        task.report(n);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      return untilAborted(task);
    });
    await pass(10);
    const states = () => publishedOn(one, `tasks/${id}`).map(({ json }) => JSON.parse(json).done);
    expect(states()).toEqual([undefined, 1]);
    await pass(2000);
    expect(states().length).toBeLessThan(10);
    expect(states().at(-1)).toBe(50);
    const { length } = states();
    await pass(20_000);
    expect(states()).toHaveLength(length);
  });

  test("that is no amount is ignored", async () => {
    const one = openInstance();
    const { id } = await one.tasks.run({ title: "Import" }, async (task) => {
      task.report(5);
      for (const wrong of [Number.NaN, Infinity, -1]) task.report(wrong, { total: wrong });
      return untilAborted(task);
    });
    await pass(1000);
    expect((await one.tasks.read(id)).task).toMatchObject({ state: "running", done: 5 });
  });

  test("that is reported while the one before is on its way is published after it", async () => {
    const [one, two] = [openInstance(), openInstance()];
    const steps = [deferred(), deferred()] as const;
    const { id } = await one.tasks.run({ title: "Import" }, async (task) => {
      for (const [index, { promise }] of steps.entries()) {
        await promise;
        task.report(index + 1);
      }
      return untilAborted(task);
    });
    await pass(1000);
    one.link.delay();
    for (const { resolve } of steps) {
      resolve();
      await pass(1000);
    }
    one.link.connect();
    await pass(200);
    expect((await two.tasks.read(id)).task?.done).toBe(2);
  });

  test("during an outage is published after it, and so is the end", async () => {
    const [one, two] = [openInstance(), openInstance()];
    const { id } = await one.tasks.run({ title: "Import" }, async ({ report, log }) => {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      report(1);
      log("a");
      await new Promise((resolve) => setTimeout(resolve, 1000));
      report(2);
      log("b");
    });
    await pass(500);
    one.link.cut();
    await pass(3000);
    expect(await stateOf(two, id)).toBe("running");
    expect(one.errors.map(({ code }) => code)).toContain("BACKEND_UNAVAILABLE");
    expect(one.errors.length).toBeLessThan(4);
    one.link.connect();
    await pass(6000);
    const { task, lines } = await two.tasks.read(id);
    expect(task).toMatchObject({ state: "done", done: 2 });
    expect(lines.map(({ text }) => text)).toEqual(["a", "b"]);
  });
});

describe("log lines", () => {
  test("are all there, in order, in few messages", async () => {
    const one = openInstance();
    const { id, result } = await one.tasks.run({ title: "Build" }, ({ log }) => {
      for (let n = 1; n <= 400; n++) log(`line ${n}`);
      log("two\nlines");
    });
    await result;
    const { lines } = await one.tasks.read(id);
    expect(lines).toHaveLength(402);
    expect(lines.map(({ n }) => n)).toEqual(lines.map((_, index) => index + 1));
    expect(lines.at(-1)?.text).toBe("lines");
    expect(publishedOn(one, `tasks/${id}/log`).length).toBeLessThan(10);
  });

  test("of one long text take no time to speak of", async () => {
    const one = openInstance();
    const { id, result } = await one.tasks.run({ title: "Build" }, ({ log }) => {
      const before = process.cpuUsage();
      log("\n".repeat(400_000));
      const { user } = process.cpuUsage(before);
      return user / 1000;
    });
    expect(await result).toBeLessThan(2000);
    expect((await one.tasks.read(id)).lines.at(-1)?.n).toBe(400_001);
  });

  test("are bounded in number and length, and the numbers say what was dropped", async () => {
    const one = openInstance();
    const { id, result } = await one.tasks.run({ title: "Build" }, ({ log }) => {
      for (let n = 1; n <= 5000; n++) log(`line ${n}`);
      log("x".repeat(3000));
    });
    await result;
    const { lines } = await one.tasks.read(id);
    expect(lines).toHaveLength(500);
    expect(lines.at(-1)?.n).toBe(5001);
    expect(lines.at(-1)?.text).toHaveLength(2000);
    expect(lines.at(-2)).toEqual({ n: 5000, text: "line 5000" });
  });
});

describe("cancel", () => {
  test.each(["the same", "another"])("from %s instance aborts the signal", async (which) => {
    const [one, two] = [openInstance(), openInstance()];
    const { id, result } = await one.tasks.run({ title: "Import" }, untilAborted);
    await (which === "another" ? two : one).tasks.cancel(id);
    await expect(result).rejects.toMatchObject({ code: "TASK_CANCELLED" });
    expect(await stateOf(two, id)).toBe("cancelled");
    expect([one.errors, two.errors]).toEqual([[], []]);
  });

  test("of a function that ignores its signal counts after 10 s; the id is free when it returns", async () => {
    const [one, two] = [openInstance(), openInstance()];
    const end = deferred();
    const { result } = await one.tasks.run({ id: "a", title: "Import" }, () => end.promise);
    await two.tasks.cancel("a");
    await pass(9000);
    expect(await stateOf(two, "a")).toBe("running");
    await pass(1000);
    await expect(result).rejects.toMatchObject({ code: "TASK_CANCELLED" });
    expect(await stateOf(two, "a")).toBe("cancelled");
    expect(one.errors).toMatchObject([{ code: "RUN_FAILED" }]);
    const again = async () => two.tasks.run({ id: "a", title: "Import" }, () => {});
    await expect(again()).rejects.toMatchObject({ code: "TASK_RUNNING" });
    end.resolve();
    await pass(10);
    await (
      await again()
    ).result;
    expect(await stateOf(one, "a")).toBe("done");
  });

  test("of a task that does not exist, or has ended, does nothing", async () => {
    const one = openInstance();
    await one.tasks.cancel("nobody");
    const { id, result } = await one.tasks.run({ title: "Import" }, () => 1);
    await result;
    await one.tasks.cancel(id);
    await pass(100);
    expect(await stateOf(one, id)).toBe("done");
  });
});

describe("lost", () => {
  test("is the state of a killed instance's tasks, everywhere, within three leases", async () => {
    const [one, two, three] = [openInstance(), openInstance(), openInstance()];
    const a = await one.tasks.run({ title: "Import" }, untilAborted);
    const b = await one.tasks.run({ title: "Import", owner: "ada" }, untilAborted);
    const c = await two.tasks.run({ title: "Import" }, untilAborted);
    await pass(20_000);
    kill(one);
    await pass(3 * LEASE_MS);
    for (const instance of [two, three]) {
      expect(await stateOf(instance, a.id)).toBe("lost");
      expect(await stateOf(instance, b.id, "ada")).toBe("lost");
      expect(await stateOf(instance, c.id)).toBe("running");
    }
    // One message says it for each task, however many instances are left.
    const told = [two, three].flatMap((each) => publishedOn(each, `tasks/${a.id}`));
    expect(new Set(told.map(({ json }) => json)).size).toBe(1);
    // The id is free again.
    await (
      await three.tasks.run({ id: a.id, title: "Import" }, () => 1)
    ).result;
    expect(await stateOf(two, a.id)).toBe("done");
  });

  test.each([1000, 600_000])(
    "is published by the only instance, which is started again after %d ms",
    async (downMs) => {
      const one = openInstance();
      const { id } = await one.tasks.run({ title: "Import" }, untilAborted);
      kill(one);
      await pass(downMs);
      const two = openInstance();
      await pass(3 * LEASE_MS);
      expect(publishedOn(two, `tasks/${id}`).map(({ json }) => JSON.parse(json))).toMatchObject([
        { lost: expect.any(String) },
      ]);
    },
  );

  test("is published immediately by an instance that closes its bus", async () => {
    const [one, two] = [openInstance(), openInstance()];
    const { id, result } = await one.tasks.run({ title: "Import" }, untilAborted);
    const stubborn = await one.tasks.run({ title: "Import" }, () => new Promise(() => {}));
    const closed = one.bus.close();
    await pass(500);
    await closed;
    for (const ended of [result, stubborn.result]) {
      await expect(ended).rejects.toMatchObject({ code: "BUS_CLOSED" });
    }
    expect(await stateOf(two, id)).toBe("lost");
    expect(await stateOf(two, stubborn.id)).toBe("lost");
    expect(one.errors).toEqual([]);
    await expect(one.tasks.run({ title: "Import" }, () => {})).rejects.toMatchObject({
      code: "BUS_CLOSED",
    });
    await (
      await two.tasks.run({ id, title: "Import" }, () => 1)
    ).result;
  });

  test("is published immediately by a server that shuts down, which starts no task any more", async () => {
    const [one, two] = [openInstance(), openInstance()];
    const { id, result } = await one.tasks.run({ title: "Import" }, untilAborted);
    drainConnections(internalsOf(one.bus));
    await pass(100);
    await expect(result).rejects.toMatchObject({ code: "BUS_CLOSED" });
    expect(await stateOf(two, id)).toBe("lost");
    await expect(one.tasks.run({ title: "Import" }, () => {})).rejects.toMatchObject({
      code: "BUS_CLOSED",
    });
    await (
      await two.tasks.run({ id, title: "Import" }, () => 1)
    ).result;
    expect(await stateOf(one, id)).toBe("done");
    expect([one.errors, two.errors]).toEqual([[], []]);
  });

  test("is over when a paused instance continues: it shows the task again, unless another one runs it", async () => {
    const [one, two] = [openInstance(), openInstance()];
    const a = await one.tasks.run({ title: "Import" }, untilAborted);
    // It ignores its signal, so that it is still there when it has been overtaken.
    const b = await one.tasks.run({ title: "Import" }, () => new Promise(() => {}));
    await pass(10_000);
    one.link.cut();
    await pass(3 * LEASE_MS);
    expect([await stateOf(two, a.id), await stateOf(two, b.id)]).toEqual(["lost", "lost"]);
    const c = await two.tasks.run({ id: b.id, title: "Again" }, untilAborted);
    one.link.connect();
    await pass(10_000);
    await expect(b.result).rejects.toMatchObject({ code: "TASK_RUNNING" });
    expect(await stateOf(two, a.id)).toBe("running");
    expect((await two.tasks.read(b.id)).task).toMatchObject({ title: "Again", state: "running" });
    await one.tasks.cancel(c.id);
    await expect(c.result).rejects.toMatchObject({ code: "TASK_CANCELLED" });
  });
});

describe("a running task", () => {
  test("is kept in a log that forgets, for as long as it runs", async () => {
    const one = openInstance({}, { history: { maxAgeMs: 10_000 } });
    const { id } = await one.tasks.run({ title: "Import" }, untilAborted);
    await pass(120_000);
    const late = openInstance({}, { history: { maxAgeMs: 10_000 } });
    expect(await stateOf(late, id)).toBe("running");
    await late.tasks.cancel(id);
    await pass(100);
    expect(await stateOf(late, id)).toBe("cancelled");
  });

  test("is shown again, and can be cancelled, after the backend has lost its data", async () => {
    const server = createLaggingServer();
    const links = [server.connect(), server.connect()] as const;
    const [one, two] = links.map(({ backend }) => openOn(backend)) as [Instance, Instance];
    const { id, result } = await one.tasks.run({ title: "Import" }, untilAborted);
    await pass(1000);
    server.loseData();
    for (const link of links) link.notice();
    await pass(1000);
    expect(await stateOf(two, id)).toBe("running");
    const again = two.tasks.run({ id, title: "Import" }, () => {});
    await expect(again).rejects.toMatchObject({ code: "TASK_RUNNING" });
    await two.tasks.cancel(id);
    await pass(100);
    await expect(result).rejects.toMatchObject({ code: "TASK_CANCELLED" });
    expect(await stateOf(two, id)).toBe("cancelled");
  });

  test("gives way to the run that was claimed first after the backend has lost its data", async () => {
    const server = createLaggingServer();
    const links = [server.connect(), server.connect()] as const;
    const [one, two] = links.map(({ backend }) => openOn(backend)) as [Instance, Instance];
    const first = await one.tasks.run({ id: "a", title: "First" }, untilAborted);
    await pass(1000);
    server.loseData();
    links[1].notice();
    await pass(100);
    const second = await two.tasks.run({ id: "a", title: "Second" }, untilAborted);
    links[0].notice();
    await pass(1000);
    await expect(first.result).rejects.toMatchObject({ code: "TASK_RUNNING" });
    expect((await two.tasks.read("a")).task).toMatchObject({ title: "Second", state: "running" });
    await one.tasks.cancel("a");
    await expect(second.result).rejects.toMatchObject({ code: "TASK_CANCELLED" });
  });

  test("survives code that is loaded again: a second `createTasks` finds it", async () => {
    const one = openInstance();
    const { id, result } = await one.tasks.run({ title: "Import" }, untilAborted);
    const again = createTasks({ bus: one.bus, maxRunning: 1 });
    await expect(again.run({ title: "Import" }, () => {})).rejects.toMatchObject({
      code: "TOO_MANY_TASKS",
    });
    await again.cancel(id);
    await expect(result).rejects.toMatchObject({ code: "TASK_CANCELLED" });
  });
});

test("messages of others that are no tasks are skipped and reported", async () => {
  const one = openInstance();
  const { id } = await one.tasks.run({ title: "Import" }, untilAborted);
  await one.bus.publish({ state: "done" }, { channel: `tasks/${id}`, event: "task", key: "state" });
  await one.bus.publish(null, { channel: `tasks/${id}/log`, event: "lines" });
  await one.bus.publish("anything", { channel: `tasks/${id}` });
  await one.bus.publish(null, { channel: "tasks/other", event: "task" });
  const { engine } = internalsOf(one.bus);
  for (const data of [
    null,
    { c: 1, i: 1, on: 1 },
    { c: "orders", i: "0123456789abcdef", on: true },
  ]) {
    const json = JSON.stringify(data);
    const message = { event: "claim", key: undefined, json, raw: false, id: undefined };
    await engine.backend.publish({ ...message, channel: "~tasks" });
    await engine.backend.publish({ ...message, channel: "~control", event: "cancel-task" });
  }
  await pass(20_000);
  // The state that it superseded is published again while the task runs.
  await pass(60_000);
  expect(await stateOf(one, id)).toBe("running");
  expect((await one.tasks.list()).tasks).toHaveLength(1);
  expect(new Set(one.errors.map(({ code }) => code))).toEqual(new Set(["LISTENER_FAILED"]));
});

test("nothing is left when a bus closes, and nothing happens while `next build` renders pages", async () => {
  vi.stubEnv("NEXT_PHASE", "phase-production-build");
  const building = openInstance();
  await pass(1000);
  expect(internalsOf(building.bus).engine.lifecycle.state).toBe("created");
  vi.unstubAllEnvs();
  open = [];
  const one = openInstance();
  await (
    await one.tasks.run({ title: "Import" }, ({ log }) => log("a"))
  ).result;
  void one.tasks.run({ title: "Import" }, untilAborted);
  await pass(1000);
  open = [];
  const closed = Promise.all([one.bus.close(), building.bus.close()]);
  await pass(1000);
  await closed;
  expect(vi.getTimerCount()).toBe(0);
  expect(one.errors).toEqual([]);
});

test.each([
  ["no title", { title: "" }, () => {}, "INVALID_OPTION"],
  ["a total below 0", { title: "a", total: -1 }, () => {}, "INVALID_OPTION"],
  ["no function", { title: "a" }, undefined, "INVALID_OPTION"],
  ["info that is no JSON", { title: "a", info: new Map() }, () => {}, "INVALID_DATA"],
  ["too much info", { title: "a", info: "x".repeat(2000) }, () => {}, "MESSAGE_TOO_LARGE"],
  ["an empty id", { title: "a", id: "" }, () => {}, "INVALID_ID"],
])("a task with %s is refused", async (_, options, work, code) => {
  const { tasks } = openInstance();
  await expect(tasks.run(options, work as never)).rejects.toMatchObject({ code });
});
