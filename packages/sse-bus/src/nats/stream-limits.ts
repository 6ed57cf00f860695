import type { HistoryLimits } from "../core/history.ts";
import type { StreamConfig } from "./jetstream.ts";

/** The limits that JetStream can keep: one count for every subject of the stream, and one age. */
export type StreamLimits = Pick<StreamConfig, "max_age" | "max_msgs_per_subject">;

/**
 * A subject keeps at least so many messages, however few its channel's history is to have: what came
 * in a burst, or while a process was away for a moment, has to be there when it is delivered.
 */
const MIN_PER_SUBJECT = 1000;
const MIN_AGE_MS = 1000;

/**
 * What the stream must keep for these limits. One message more than history has: while that one is
 * there, it is known exactly which was the newest that history dropped.
 */
export function limitsFor({ maxMessages, maxAgeMs }: HistoryLimits): StreamLimits {
  return {
    max_msgs_per_subject:
      maxMessages === Number.POSITIVE_INFINITY ? -1 : Math.max(maxMessages, MIN_PER_SUBJECT) + 1,
    max_age: maxAgeMs === Number.POSITIVE_INFINITY ? 0 : Math.max(maxAgeMs, MIN_AGE_MS) * 1_000_000,
  };
}

/** The larger of each. Limits only grow here: another process may be there whose options need it. */
export function largerLimits(a: StreamLimits, b: StreamLimits): StreamLimits {
  return {
    max_msgs_per_subject: larger(a.max_msgs_per_subject, b.max_msgs_per_subject),
    max_age: larger(a.max_age, b.max_age),
  };
}

/** Whether `has` keeps all that `needed` asks for. */
export function coversLimits(has: StreamLimits, needed: StreamLimits): boolean {
  const both = largerLimits(has, needed);
  return (
    same(both.max_age, has.max_age) && same(both.max_msgs_per_subject, has.max_msgs_per_subject)
  );
}

/** Zero and less stand for no limit. */
function larger(a: number, b: number): number {
  return a <= 0 || b <= 0 ? Math.min(a, b) : Math.max(a, b);
}

function same(a: number, b: number): boolean {
  return a === b || (a <= 0 && b <= 0);
}
