import {
  assertTopic,
  CONTROL_CHANNEL,
  isPattern,
  isReserved,
  TASKS_CHANNEL,
  topicCovers,
} from "./channel-name.ts";
import { SseBusError } from "./errors.ts";
import { MAX_TIMER_MS } from "./timers.ts";

/** How much history one channel keeps. The limit that is reached first evicts the oldest message. */
export interface HistoryLimits {
  /** Messages per channel. Superseded messages do not count. @default 1000 */
  readonly maxMessages: number;
  /** Maximum age of a message in ms; older messages are dropped. @default 3_600_000 (one hour) */
  readonly maxAgeMs: number;
  /** Bytes per channel, with 256 bytes of overhead per message. @default 16_777_216 */
  readonly maxBytes: number;
}

/** {@link HistoryLimits} for all channels, with overrides for some of them. */
export interface HistoryOptions extends Partial<HistoryLimits> {
  /**
   * Overrides by channel or pattern. An exact name has priority over the first pattern that covers the
   * channel.
   */
  readonly channels?: Readonly<Record<string, Partial<HistoryLimits>>>;
}

/** Returns the limits of a channel. */
export type HistoryResolver = (channel: string) => HistoryLimits;

const DEFAULTS: HistoryLimits = { maxMessages: 1000, maxAgeMs: 3_600_000, maxBytes: 16_777_216 };

/** The limits of reserved channels, whatever the application's `history` says. */
const RESERVED_LIMITS: HistoryLimits = {
  maxMessages: 10_000,
  maxAgeMs: 300_000,
  maxBytes: 4_194_304,
};

/** Leases of some hundred instances, for longer than any lease lasts. */
const CONTROL_LIMITS: HistoryLimits = {
  maxMessages: 20_000,
  maxAgeMs: 120_000,
  maxBytes: 16_777_216,
};

/** Which instance runs which task, until all of them have been down for a day. */
const TASKS_LIMITS: HistoryLimits = { ...RESERVED_LIMITS, maxAgeMs: 86_400_000 };

/** A durable stream is kept whole while it runs, and for at least ten minutes more. */
const STREAM_LIMITS: HistoryLimits = {
  maxMessages: 1000,
  maxAgeMs: 3_600_000,
  maxBytes: 16_777_216,
};
const STREAMS = "~streams/";

/** Bytes of history of all reserved channels together. */
const RESERVED_HISTORY_BYTES = 67_108_864;

/** Bytes of history for all channels together that are of the same kind as `topic`: reserved ones, or others. */
export function historyBytesOf(topic: string, maxHistoryBytes: number): number {
  return isReserved(topic) ? RESERVED_HISTORY_BYTES : maxHistoryBytes;
}

/** @throws SseBusError `INVALID_OPTION`, `INVALID_CHANNEL` */
export function createHistoryResolver(options: HistoryOptions = {}): HistoryResolver {
  const { channels = {}, ...common } = options;
  const base = readLimits(DEFAULTS, common, "history");
  const exact = new Map<string, HistoryLimits>();
  const patterns: [pattern: string, limits: HistoryLimits][] = [];
  for (const [topic, own] of Object.entries(channels)) {
    assertTopic(topic);
    const limits = readLimits(base, own, `history.channels["${topic}"]`);
    if (isPattern(topic)) patterns.push([topic, limits]);
    else exact.set(topic, limits);
  }
  return (channel) => {
    if (isReserved(channel)) return reservedLimits(channel);
    return (
      exact.get(channel) ?? patterns.find(([pattern]) => topicCovers(pattern, channel))?.[1] ?? base
    );
  };
}

function reservedLimits(channel: string): HistoryLimits {
  if (channel === CONTROL_CHANNEL) return CONTROL_LIMITS;
  if (channel === TASKS_CHANNEL) return TASKS_LIMITS;
  return channel.startsWith(STREAMS) ? STREAM_LIMITS : RESERVED_LIMITS;
}

/** @throws SseBusError `INVALID_OPTION` unless `value` is an integer of at least `min`, or Infinity. */
export function assertCount(value: number, name: string, min = 1): void {
  if (value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && value >= min)) return;
  throw new SseBusError(
    "INVALID_OPTION",
    `\`${name}\` must be an integer of at least ${min}, or Infinity; got ${String(value)}.`,
  );
}

/**
 * Checks a time that is passed to a server or its client, where longer times are invalid too.
 *
 * @throws SseBusError `INVALID_OPTION` unless `value` is an integer that fits a timer.
 */
export function assertDuration(value: number, name: string, min = 1): void {
  if (Number.isSafeInteger(value) && value >= min && value <= MAX_TIMER_MS) return;
  throw new SseBusError(
    "INVALID_OPTION",
    `\`${name}\` must be an integer of ${min} to ${MAX_TIMER_MS} (ms); got ${String(value)}.`,
  );
}

function readLimits(base: HistoryLimits, own: Partial<HistoryLimits>, name: string): HistoryLimits {
  const limits = { ...base };
  for (const key of ["maxMessages", "maxAgeMs", "maxBytes"] as const) {
    const value = own[key];
    if (value === undefined) continue;
    assertCount(value, `${name}.${key}`, key === "maxMessages" ? 0 : 1);
    limits[key] = value;
  }
  return limits;
}
