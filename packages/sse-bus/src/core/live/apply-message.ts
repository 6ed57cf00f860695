import type { LiveDefinition, LiveMessage } from "./live-types.ts";

/**
 * The value after a message: the one fold of the server and of browsers.
 *
 * @throws what `reduce` throws, and an error for data that `validate` refuses; the message is then skipped
 */
export function applyMessage(
  { validate, reduce }: LiveDefinition,
  value: unknown,
  { id, channel, event, data, time }: LiveMessage & { readonly data: unknown },
): unknown {
  const checked = validate ? check(validate, data) : data;
  // Only these fields: the two sides know more of a message, but not the same.
  return reduce(value as never, checked as never, { id, channel, event, time });
}

/** Says that a message was skipped, and why. A `reduce` can throw anything. */
export function skippedText(what: string, cause: unknown): string {
  const reason = (cause as Error | undefined)?.message ?? `it threw ${typeof cause}`;
  return `${what} is skipped by a live value: ${reason}. Check \`reduce\`, \`validate\`, and what is published.`;
}

function check(validate: NonNullable<LiveDefinition["validate"]>, data: unknown): unknown {
  if (!("~standard" in validate)) {
    if (validate(data)) return data;
    throw new TypeError("`validate` refused the data.");
  }
  const result = validate["~standard"].validate(data);
  if (result instanceof Promise) {
    // Nobody awaits it.
    result.catch(() => {});
    throw new TypeError("`validate` must not be asynchronous.");
  }
  if (!result.issues) return result.value;
  throw new TypeError(result.issues.map(({ message }) => message).join("; "));
}
