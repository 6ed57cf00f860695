import { topicCovers, assertTopic, isPattern } from "./channel-name.ts";
import { SseBusError } from "./errors.ts";
import { MAX_TIMER_MS } from "./timers.ts";

/** How much one channel keeps; whichever bound is reached first evicts the oldest message. */
export interface HistoryLimits {
  /** Messages kept a channel; superseded ones do not count. @default 1000 */
  readonly maxMessages: number;
  /** Age in ms at which a message is dropped. @default 3_600_000 (one hour) */
  readonly maxAgeMs: number;
  /** Bytes kept a channel, each message counted with 256 bytes of overhead. @default 16_777_216 */
  readonly maxBytes: number;
}

/** {@link HistoryLimits} for all channels, and other ones for some. */
export interface HistoryOptions extends Partial<HistoryLimits> {
  /** Limits by channel or pattern; an exact name wins, else the first pattern that covers it. */
  readonly channels?: Readonly<Record<string, Partial<HistoryLimits>>>;
}

/** The limits of a channel. */
export type HistoryResolver = (channel: string) => HistoryLimits;

const DEFAULTS: HistoryLimits = { maxMessages: 1000, maxAgeMs: 3_600_000, maxBytes: 16_777_216 };

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
  return (channel) =>
    exact.get(channel) ?? patterns.find(([pattern]) => topicCovers(pattern, channel))?.[1] ?? base;
}

/** @throws SseBusError `INVALID_OPTION` unless `value` is an integer of at least `min`. */
export function assertCount(value: number, name: string, min = 1): void {
  if (value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && value >= min)) return;
  throw new SseBusError(
    "INVALID_OPTION",
    `\`${name}\` must be an integer of at least ${min}, or Infinity; got ${String(value)}.`,
  );
}

/**
 * For times that are handed to a server or its client, which take no more either.
 *
 * @throws SseBusError `INVALID_OPTION` unless `value` is an integer that a timer can count.
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
