import { encodeData } from "../core/encode-data.ts";
import { SseBusError } from "../core/errors.ts";
import { cutText, MAX_TEXT, type TaskStateMessage } from "./task-messages.ts";
import { NO_DESCRIPTION, type TaskSettings } from "./task-options.ts";

/** How the function of a task has ended. */
export type TaskOutcome<Result> = { readonly value: Result } | { readonly error: unknown };

export interface OutcomeOptions {
  /** The task's id, for errors. */
  readonly id: string;
  readonly settings: TaskSettings;
  readonly onError: (error: Error) => void;
}

/** What pages get of a function's end. What they do not get is reported. */
export function publicOutcome(
  outcome: TaskOutcome<unknown>,
  options: OutcomeOptions,
): Pick<TaskStateMessage, "state" | "result" | "error"> {
  if ("value" in outcome) return { state: "done", result: publicResult(outcome.value, options) };
  const { id, onError } = options;
  const { error: cause } = outcome;
  onError(new SseBusError("RUN_FAILED", `Task ${JSON.stringify(id)} failed.`, { cause }));
  return { state: "failed", error: describe(cause, options) };
}

/** The work is done, even if its result cannot be shown. */
function publicResult(value: unknown, { id, settings, onError }: OutcomeOptions): unknown {
  if (value === undefined) return undefined;
  const { maxResultBytes } = settings;
  try {
    return JSON.parse(encodeData(value, false, maxResultBytes).json);
  } catch (error) {
    const { code, message } = error as SseBusError;
    const text = `The result of task ${JSON.stringify(id)} is not published (\`maxResultBytes\` is ${maxResultBytes}): ${message}`;
    onError(new SseBusError(code, text));
    return undefined;
  }
}

function describe(error: unknown, { settings, onError }: OutcomeOptions): string {
  try {
    return cutText(settings.describeError(error), MAX_TEXT);
  } catch (cause) {
    onError(new SseBusError("LISTENER_FAILED", "`describeError` threw an error.", { cause }));
    return NO_DESCRIPTION;
  }
}
