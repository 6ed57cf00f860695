import type { Bus } from "../core/bus-types.ts";
import { encodeData } from "../core/encode-data.ts";
import { SseBusError } from "../core/errors.ts";
import { assertCount, assertDuration } from "../core/history.ts";
import type { ChannelMap } from "../core/types.ts";
import type { TaskAddress } from "./task-channels.ts";
import { isAmount } from "./task-messages.ts";

/** Options of {@link createTasks}. */
export interface TasksOptions<
  Channels extends ChannelMap = ChannelMap,
  Inputs extends ChannelMap = Channels,
> {
  readonly bus: Bus<Channels, Inputs>;
  /** Tasks that run in this process at the same time. @default 100 */
  readonly maxRunning?: number | undefined;
  /**
   * How often a task publishes its progress and its log at most, in ms. The first report is published
   * immediately, and the last one is never left out.
   * @default 100
   */
  readonly intervalMs?: number | undefined;
  /** Bytes of a task's result as JSON. @default 16_384 */
  readonly maxResultBytes?: number | undefined;
  /**
   * Returns what pages show of an error, at most 500 characters. By default they do not get its message, because it
   * may contain secrets.
   * @default () => "The task failed."
   */
  readonly describeError?: ((error: unknown) => string) | undefined;
}

/** {@link TasksOptions} with defaults. A later call of `createTasks` on the same bus changes them. */
export type TaskSettings = { -readonly [Key in keyof typeof DEFAULTS]: (typeof DEFAULTS)[Key] };

export const NO_DESCRIPTION = "The task failed.";
const DEFAULTS = {
  maxRunning: 100,
  intervalMs: 100,
  maxResultBytes: 16_384,
  describeError: (() => NO_DESCRIPTION) as (error: unknown) => string,
};
/** A message has up to 262,144 bytes, and a state has more than its result. */
const MAX_RESULT_BYTES = 200_000;
const MAX_INFO_BYTES = 1024;

/** Options of `tasks.run`. */
export interface TaskOptions {
  /** Which task it is: it runs once at a time, on all instances. @default a random one */
  readonly id?: string | undefined;
  /** What pages show. */
  readonly title: string;
  /** What its progress is out of. @default unknown */
  readonly total?: number | undefined;
  /** Anything else that pages need to show it, such as its kind or a link: JSON, at most 1 KiB. @default none */
  readonly info?: unknown;
  /** Whose task it is, such as a user's id. Its channels begin with `tasks/~` and the owner. @default nobody's */
  readonly owner?: string | undefined;
}

/** What the function of a task gets. */
export interface TaskContext {
  /** The task's id. */
  readonly id: string;
  /**
   * Aborts when the task is cancelled on any instance, and when the server shuts down. Pass it to what the
   * function waits for. A function that has not returned 10 s later counts as cancelled.
   */
  readonly signal: AbortSignal;
  /**
   * Publishes the progress. Call it as often as you like: the newest one is published at most every `intervalMs`.
   * A number that is negative or not finite is ignored.
   */
  readonly report: (done: number, more?: ReportOptions) => void;
  /** Adds lines to the task's log. A line has at most 2,000 characters. */
  readonly log: (text: string) => void;
}

/** The function of a task. */
export type TaskWork<Result> = (context: TaskContext) => Result | Promise<Result>;

/** What `report` can say besides the progress. */
export interface ReportOptions {
  /** What the progress is out of, from now on. */
  readonly total?: number | undefined;
  /** What the task is doing now, at most 500 characters. */
  readonly step?: string | undefined;
}

/** A task that was started. */
export interface TaskHandle<Result> {
  readonly id: string;
  readonly owner?: string | undefined;
  /**
   * Resolves with what the function returned, and rejects with what it threw; with `TASK_CANCELLED` if the task was
   * cancelled, and with `BUS_CLOSED` if the server shut down. You need not await it.
   */
  readonly result: Promise<Result>;
}

/** Sets what is given, and the defaults for the rest. @throws SseBusError `INVALID_OPTION` */
export function readSettings(options: Omit<TasksOptions, "bus">): TaskSettings {
  const { maxRunning, intervalMs, maxResultBytes, describeError } = options;
  const settings: TaskSettings = { ...DEFAULTS };
  if (maxRunning !== undefined) settings.maxRunning = maxRunning;
  if (intervalMs !== undefined) settings.intervalMs = intervalMs;
  if (maxResultBytes !== undefined) settings.maxResultBytes = maxResultBytes;
  if (describeError !== undefined) settings.describeError = describeError;
  assertCount(settings.maxRunning, "maxRunning");
  assertDuration(settings.intervalMs, "intervalMs", 0);
  assertCount(settings.maxResultBytes, "maxResultBytes");
  if (settings.maxResultBytes > MAX_RESULT_BYTES) {
    throw invalid(
      `\`maxResultBytes\` must be at most ${MAX_RESULT_BYTES}; got ${settings.maxResultBytes}. Store a larger result elsewhere, and return a reference to it.`,
    );
  }
  if (typeof settings.describeError !== "function") {
    throw invalid("`describeError` must be a function.");
  }
  return settings;
}

/** @throws SseBusError `INVALID_OPTION`, `INVALID_DATA`, `MESSAGE_TOO_LARGE` */
export function assertTask({ title, total, info }: TaskOptions, work: unknown): void {
  if (typeof title !== "string" || title === "") throw invalid("`title` must be a text.");
  if (total !== undefined && !isAmount(total)) {
    throw invalid(`\`total\` must be a number of at least 0; got ${String(total)}.`);
  }
  if (info !== undefined) encodeData(info, false, MAX_INFO_BYTES);
  if (typeof work !== "function") throw invalid("A task needs a function to run.");
}

export function taskRunning({ id, owner }: TaskAddress): SseBusError {
  const whose = owner === undefined ? "" : ` of owner ${JSON.stringify(owner)}`;
  return new SseBusError(
    "TASK_RUNNING",
    `Task ${JSON.stringify(id)}${whose} is running already: wait for its end, cancel it, or use another id.`,
  );
}

function invalid(message: string): SseBusError {
  return new SseBusError("INVALID_OPTION", message);
}
