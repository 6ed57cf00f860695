import { SseBusError } from "../core/errors.ts";

/** The codes that an {@link SseClientError} can carry. Each has a page under `docs/errors/`. */
export type SseClientErrorCode =
  | "CLIENT_CLOSED"
  | "INVALID_CHANNEL"
  | "INVALID_MESSAGE"
  | "INVALID_URL"
  | "LISTENER_FAILED"
  | "STREAM_LOST"
  | "STREAM_REFUSED"
  | "STREAM_SILENT"
  | "TOKEN_FAILED";

/**
 * An error of the client. Where an HTTP answer caused it, `status` is its status, and `cause` the
 * problem details (RFC 9457) of a refusal.
 */
export type SseClientError = SseBusError<SseClientErrorCode> & {
  readonly status?: number | undefined;
};

/** An error as it travels between tabs. */
export interface ErrorRecord {
  readonly code: SseClientErrorCode;
  readonly message: string;
  readonly status?: number | undefined;
  readonly cause?: unknown;
}

export function toError({ code, message, status, cause }: ErrorRecord): SseClientError {
  return Object.assign(new SseBusError(code, message, { cause }), { status });
}
