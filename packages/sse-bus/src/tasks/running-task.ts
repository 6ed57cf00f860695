import type { BusInternals } from "../core/bus-internals.ts";
import { SseBusError } from "../core/errors.ts";
import { createInstanceId } from "../core/instances/instance-id.ts";
import type { InstanceTable } from "../core/instances/instance-table.ts";
import type { ReportedTask } from "../core/report-parts.ts";
import { createLazyTimer, settlesWithin } from "../core/timers.ts";
import { publishOwn } from "../core/publish-own.ts";
import { type TaskAddress, taskChannel, taskLogChannel } from "./task-channels.ts";
import { cutText, isAmount, LINES_EVENT, MAX_TEXT, STATE_EVENT } from "./task-messages.ts";
import type { TaskStateMessage } from "./task-messages.ts";
import {
  type TaskContext,
  type TaskOptions,
  taskRunning,
  type TaskSettings,
  type TaskWork,
} from "./task-options.ts";
import { publicOutcome, type TaskOutcome } from "./task-outcome.ts";
import { createTaskOutbox } from "./task-outbox.ts";
import type { TaskState } from "./task-types.ts";

/** A task that this instance runs. */
export interface RunningTask {
  /**
   * Publishes that it runs, since a time of the log (ms since 1970). Before that, nothing of it is published.
   *
   * @throws SseBusError `BACKEND_UNAVAILABLE`, `BUS_CLOSED`; `TASK_RUNNING` after {@link yield}
   */
  publishStart(startedAt: number): Promise<void>;
  /** It was not started, though its start may be stored: publishes that it has failed, once the backend is up. */
  abandon(): Promise<void>;
  /**
   * Aborts its signal. It ends as cancelled when its function returns, or after a while.
   *
   * @returns whether this is the run that pages show as running
   */
  cancel(): boolean;
  /** The server shuts down: aborts its signal, and publishes that it is lost. Bounds its own time. */
  lose(): Promise<void>;
  /** Another instance runs it by now: aborts its signal, and publishes nothing more. */
  yield(): void;
  /** Publishes its state again: with the current id of this instance, and so that the log keeps it. */
  announce(): void;
  /** What a report of this instance says of it. */
  report(): ReportedTask;
}

export interface RunningTaskOptions {
  readonly internals: BusInternals;
  readonly table: InstanceTable;
  readonly settings: TaskSettings;
  readonly address: TaskAddress;
  readonly task: TaskOptions;
}

/** How long a cancelled function may take to return. */
const CANCEL_MS = 10_000;
/** The bus waits 500 ms for all its features. */
const MAX_LOSE_MS = 400;
/** How long the result waits until its state is stored. */
const MAX_STORE_MS = 5000;

export interface CreatedTask {
  readonly running: RunningTask;
  /** Runs the function. `onEnded` is called when it has returned and its end is stored. */
  execute<Result>(work: TaskWork<Result>, onEnded: () => Promise<void>): Promise<Result>;
}

/** Makes a task without running it. */
export function createRunningTask(options: RunningTaskOptions): CreatedTask {
  const { internals, table, settings, address, task } = options;
  const { engine, onError } = internals;
  const channel = taskChannel(address);
  const logChannel = taskLogChannel(address);
  const run = createInstanceId();
  const controller = new AbortController();
  const { signal } = controller;
  const grace = createLazyTimer(stopWaiting);
  let state: Omit<TaskStateMessage, "i"> = {
    run,
    state: "running",
    title: cutText(task.title, MAX_TEXT),
    // A copy: the caller may change its object.
    info: task.info === undefined ? undefined : JSON.parse(JSON.stringify(task.info)),
    total: task.total,
    startedAt: Math.floor(table.now()),
  };
  let rejectEarly!: (error: unknown) => void;
  /** Rejects if the result need not wait for the function. */
  const early = new Promise<never>((_, reject) => (rejectEarly = reject));
  early.catch(() => {});
  /** Its start may be stored. */
  let isStarted = false;

  const outbox = createTaskOutbox({
    intervalMs: settings.intervalMs,
    sendState,
    sendLines: async (n, lines) => {
      const { startedAt } = state;
      const target = { channel: logChannel, event: LINES_EVENT };
      await publishOwn(internals, { run, startedAt, n, lines }, target);
    },
    onceUp: engine.onceUp,
    onError,
  });

  async function sendState(): Promise<void> {
    const given = Object.entries({ i: table.id, ...state }).filter(
      ([, value]) => value !== undefined,
    );
    const target = { channel, event: STATE_EVENT, key: run };
    await publishOwn(internals, Object.fromEntries(given), target);
  }

  function end(how: TaskState, more: Partial<TaskStateMessage> = {}): void {
    if (state.state !== "running") return;
    state = { ...state, ...more, state: how, endedAt: Math.floor(table.now()) };
    changed();
  }

  /** The state of a run that was never started would hide the one of a run elsewhere. */
  function changed(): void {
    if (isStarted) outbox.changed();
  }

  function endAs(outcome: TaskOutcome<unknown>): void {
    if (state.state !== "running") return;
    if (signal.aborted) return end("cancelled");
    const { id } = address;
    const { state: how, ...more } = publicOutcome(outcome, { id, settings, onError });
    end(how, more);
  }

  function stopWaiting(): void {
    end("cancelled");
    rejectEarly(signal.reason);
    const text = `Task ${JSON.stringify(address.id)} did not return within ${CANCEL_MS} ms after its signal was aborted. It counts as cancelled. Pass \`signal\` to what it waits for.`;
    onError(new SseBusError("RUN_FAILED", text));
  }

  const context: TaskContext = {
    id: address.id,
    signal,
    report(done, { total, step } = {}) {
      if (state.state !== "running") return;
      state = {
        ...state,
        ...(isAmount(done) && { done }),
        ...(isAmount(total) && { total }),
        ...(step !== undefined && { step: cutText(step, MAX_TEXT) }),
      };
      changed();
    },
    log(text) {
      if (state.state === "running") outbox.log(text);
    },
  };

  const running: RunningTask = {
    async publishStart(startedAt) {
      if (state.state !== "running") signal.throwIfAborted();
      state = { ...state, startedAt };
      isStarted = true;
      await sendState();
    },
    async abandon() {
      grace.stop();
      end("failed", { error: "The task was not started." });
      await outbox.flush();
    },
    cancel() {
      if (state.state !== "running") return false;
      if (signal.aborted) return isStarted;
      controller.abort(
        new SseBusError("TASK_CANCELLED", `Task ${JSON.stringify(address.id)} was cancelled.`),
      );
      if (isStarted) grace.start(CANCEL_MS);
      return isStarted;
    },
    async lose() {
      const text = `The server shuts down, which ended task ${JSON.stringify(address.id)}. Start it again elsewhere.`;
      const reason = new SseBusError("BUS_CLOSED", text);
      end("lost");
      controller.abort(reason);
      grace.stop();
      rejectEarly(signal.reason);
      await settlesWithin(outbox.flush(), MAX_LOSE_MS);
      outbox.stop();
    },
    yield() {
      outbox.stop();
      state = { ...state, state: "lost" };
      controller.abort(taskRunning(address));
      grace.stop();
      rejectEarly(signal.reason);
    },
    announce: changed,
    report() {
      const { title, step, done, total, startedAt } = state;
      return { ...address, title, step, done, total, startedAt };
    },
  };

  function execute<Result>(work: TaskWork<Result>, onEnded: () => Promise<void>): Promise<Result> {
    async function finish(): Promise<Result> {
      const outcome: TaskOutcome<Result> = await settle(work);
      grace.stop();
      endAs(outcome);
      const stored = outbox.flush().then(onEnded);
      await settlesWithin(stored, MAX_STORE_MS);
      signal.throwIfAborted();
      if ("error" in outcome) throw outcome.error;
      return outcome.value;
    }
    const result = Promise.race([finish(), early]);
    // Nobody has to await it: `onError` and the state have the failure.
    result.catch(() => {});
    return result;
  }

  async function settle<Result>(work: TaskWork<Result>): Promise<TaskOutcome<Result>> {
    try {
      signal.throwIfAborted();
      return { value: await work(context) };
    } catch (error) {
      return { error };
    }
  }

  return { running, execute };
}
