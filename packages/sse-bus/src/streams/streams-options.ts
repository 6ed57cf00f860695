import { SseBusError } from "../core/errors.ts";
import { assertCount, assertDuration } from "../core/history.ts";

/** Bounds of durable streams. */
export interface StreamLimits {
  /** Bytes of one stream. What exceeds them ends the stream with an error. @default 4_194_304 @max 8_388_608 */
  readonly maxBytes?: number;
  /** Sources that this process runs at the same time. `start` refuses more. @default 1000 */
  readonly maxStreams?: number;
  /**
   * How long a source may run, in ms. After it, the source is aborted and the stream ends with an error.
   * @default 1_800_000 (30 minutes) @max 3_000_000
   */
  readonly maxRunMs?: number;
  /**
   * Chunks that the source gives within this time (ms) become one message, except the first one.
   * @default 50
   */
  readonly joinMs?: number;
}

export type ResolvedLimits = Required<StreamLimits>;

/** Reserved channels keep this for an hour: a stream must be kept whole while it runs. */
const MAX_BYTES = 8_388_608;
const MAX_RUN_MS = 3_000_000;

/** @throws SseBusError `INVALID_OPTION` */
export function resolveLimits(given: StreamLimits): ResolvedLimits {
  const limits = {
    maxBytes: given.maxBytes ?? 4_194_304,
    maxStreams: given.maxStreams ?? 1000,
    maxRunMs: given.maxRunMs ?? 1_800_000,
    joinMs: given.joinMs ?? 50,
  };
  assertCount(limits.maxBytes, "maxBytes");
  assertCount(limits.maxStreams, "maxStreams");
  assertDuration(limits.maxRunMs, "maxRunMs");
  assertDuration(limits.joinMs, "joinMs", 0);
  assertAtMost(limits.maxBytes, "maxBytes", MAX_BYTES);
  assertAtMost(limits.maxRunMs, "maxRunMs", MAX_RUN_MS);
  return limits;
}

function assertAtMost(value: number, name: string, max: number): void {
  if (value <= max) return;
  throw new SseBusError(
    "INVALID_OPTION",
    `\`${name}\` must be at most ${max}; got ${value}: the log keeps a stream no longer than that.`,
  );
}
