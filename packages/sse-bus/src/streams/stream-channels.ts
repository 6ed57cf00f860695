import { encodeChannelSegment } from "../core/channel-segment.ts";
import { SseBusError } from "../core/errors.ts";
import { createInstanceId } from "../core/instances/instance-id.ts";

/** The name of a reserved channel has 220 characters at most: the prefix, this, and a run's id. */
const MAX_SEGMENT = 180;
const RUN_ID = /^([1-9]\d{0,8})-[0-9a-z]{16}$/;

/**
 * The channel of a durable stream: which runs of it there are, the parts that a run has appended so far, and
 * how it ended. Few messages.
 *
 * @throws SseBusError `INVALID_ID`
 */
export function streamChannel(id: unknown): string {
  const segment = typeof id === "string" && id.isWellFormed() ? encodeChannelSegment(id) : "";
  if (segment.length > 0 && segment.length <= MAX_SEGMENT) return `~streams/${segment}`;
  throw new SseBusError(
    "INVALID_ID",
    `The id of a stream must be a string of 1 to ${MAX_SEGMENT} characters; each byte of a character other than A-Z a-z 0-9 . _ - counts as three.`,
  );
}

/** The channel with the chunks of one run, as its source gave them. Many small messages. */
export function chunkChannel(channel: string, run: string): string {
  return `${channel}/${run}`;
}

/** A run is one execution of a source. Those of a stream are numbered from 1. */
export function createRunId(number: number): string {
  return `${number}-${createInstanceId()}`;
}

/** The number of a run; undefined if a value from the log is no run's id. */
export function runNumber(run: unknown): number | undefined {
  const match = typeof run === "string" ? RUN_ID.exec(run) : undefined;
  return match ? Number(match[1]) : undefined;
}
