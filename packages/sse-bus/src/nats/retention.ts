import { isReserved } from "../core/channel-name.ts";
import type { HistoryLimits } from "../core/history.ts";
import type { StreamConfig } from "./jetstream-types.ts";

/** What a JetStream stream can limit: messages per subject, and their age. */
export type RetentionLimits = Pick<StreamConfig, "max_age" | "max_msgs_per_subject">;

/**
 * A subject keeps at least this many messages, even if its channel's history is shorter: messages of
 * a burst, or of a short outage of a process, must still exist when they are delivered.
 */
const MIN_PER_SUBJECT = 1000;
const MIN_AGE_MS = 1000;

/**
 * The limits of the stream for a history. The stream keeps one message more than history: while that
 * one exists, the horizon is known exactly.
 */
export function limitsFor({ maxMessages, maxAgeMs }: HistoryLimits): RetentionLimits {
  return {
    max_msgs_per_subject:
      maxMessages === Number.POSITIVE_INFINITY ? -1 : Math.max(maxMessages, MIN_PER_SUBJECT) + 1,
    max_age: maxAgeMs === Number.POSITIVE_INFINITY ? 0 : Math.max(maxAgeMs, MIN_AGE_MS) * 1_000_000,
  };
}

/**
 * The limits of the stream for one channel. A stream has one number of messages for all subjects, so
 * reserved channels must do with that of the application: otherwise every channel would keep as many as
 * they need.
 */
export function limitsOf(channel: string, limits: HistoryLimits): RetentionLimits {
  return limitsFor(isReserved(channel) ? { ...limits, maxMessages: MIN_PER_SUBJECT } : limits);
}

/** The larger of each limit. Limits never shrink, because another process may need larger ones. */
export function largerLimits(a: RetentionLimits, b: RetentionLimits): RetentionLimits {
  return {
    max_msgs_per_subject: larger(a.max_msgs_per_subject, b.max_msgs_per_subject),
    max_age: larger(a.max_age, b.max_age),
  };
}

/** Whether the limits `has` keep at least what `needed` keeps. */
export function coversLimits(has: RetentionLimits, needed: RetentionLimits): boolean {
  const both = largerLimits(has, needed);
  return (
    same(both.max_age, has.max_age) && same(both.max_msgs_per_subject, has.max_msgs_per_subject)
  );
}

/** Zero and negative numbers mean no limit. */
function larger(a: number, b: number): number {
  return a <= 0 || b <= 0 ? Math.min(a, b) : Math.max(a, b);
}

function same(a: number, b: number): boolean {
  return a === b || (a <= 0 && b <= 0);
}
