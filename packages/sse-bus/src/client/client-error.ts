import type { SseBusError } from "../core/errors.ts";

/** The codes that an {@link SseClientError} can carry. Each has a page under `docs/errors/`. */
export type SseClientErrorCode =
  | "CROSS_ORIGIN_FAILED"
  | "INVALID_CHANNEL"
  | "INVALID_MESSAGE"
  | "LISTENER_FAILED"
  | "STATE_REFUSED"
  | "STREAM_LOST"
  | "STREAM_REFUSED"
  | "STREAM_SILENT";

/**
 * An error of the client. If an HTTP response caused it, `cause` has its problem details (RFC 9457), or
 * at least its `status`. If `bus.disconnect` caused it, `cause` has the `reason` `revoked`, and the `code` that
 * was passed, if any. `type` of problem details is the address of the page that explains the refusal.
 */
export type SseClientError = SseBusError<SseClientErrorCode>;
