import { SseBusError } from "../core/errors.ts";
import type { StreamRun } from "./stream-fold.ts";

/** @throws SseBusError `STREAM_FAILED`, after the last byte that there is */
export function isComplete({ how, bytes }: NonNullable<StreamRun["end"]>, offset: number): boolean {
  if (bytes !== undefined && offset < bytes) return false;
  if (how === "done" || how === "stopped") return true;
  throw new SseBusError("STREAM_FAILED", `The stream is incomplete: ${FAILURES[how]}.`);
}

const FAILURES = {
  failed:
    "its source threw an error, or its server shut down. The server that ran the source has reported the error to `onError`",
  limit: "it has exceeded `maxBytes` or `maxRunMs`. Raise the limit, or give less",
  lost: "the server that ran its source has ended before it was complete. Start it again",
} as const;

/** The log does not have what follows after `offset`. */
export function missingError(offset: number): SseBusError {
  return new SseBusError(
    "GAP",
    `The stream cannot be read after byte ${offset}: the log has lost or dropped what follows. Start it again.`,
  );
}
