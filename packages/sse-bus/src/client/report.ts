import { SseBusError } from "../core/errors.ts";
import type { SseClientErrorCode } from "./client-error.ts";
import type { SseClientOptions } from "./client-types.ts";
import type { ErrorRecord } from "./protocol.ts";

/** Reports an error to the user of the client. */
export function report({ onError }: Pick<SseClientOptions, "onError">, error: ErrorRecord): void {
  // Not in this turn: an `onError` that throws must not end the stream.
  queueMicrotask(() => (onError ?? globalThis.reportError ?? console.error)(errorOf(error)));
}

/** The error that a record describes. */
export function errorOf(record: ErrorRecord): SseBusError<SseClientErrorCode> {
  return new SseBusError(record.code, record.message, record);
}
