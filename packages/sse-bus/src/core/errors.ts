/** Every code an {@link SseBusError} can carry. Each has a page of cause and fix under `docs/errors/`. */
export type SseBusErrorCode =
  | "AUTHORIZATION_FAILED"
  | "AUTHORIZATION_UNAVAILABLE"
  | "BACKEND_NOT_MIGRATED"
  | "BACKEND_UNAVAILABLE"
  | "BUS_CLOSED"
  | "CURSOR_AT_BUILD"
  | "FAST_PATH_OFF"
  | "GAP"
  | "INVALID_CHANNEL"
  | "INVALID_CURSOR"
  | "INVALID_DATA"
  | "INVALID_EVENT_NAME"
  | "INVALID_ID"
  | "INVALID_KEY"
  | "INVALID_OPTION"
  | "LISTENER_FAILED"
  | "LISTEN_UNAVAILABLE"
  | "MEMORY_NOT_SHARED"
  | "MESSAGE_TOO_LARGE"
  | "METRICS_UNAVAILABLE"
  | "NODE_RUNTIME_REQUIRED"
  | "SINK_FAILED"
  | "TX_UNSUPPORTED"
  | "UNDECLARED"
  | "VALIDATION_FAILED";

/**
 * An error of sse-bus: `code` names the kind, `message` tells the cause and the remedy.
 *
 * Compare `code` (or use {@link isSseBusError}), never `instanceof`: a Next.js build can hold
 * several copies of this class, one a bundle.
 *
 * @example
 * ```ts
 * try {
 *   await bus.publish({ total: 10n });
 * } catch (error) {
 *   if (isSseBusError(error) && error.code === "INVALID_DATA") console.error(error.message);
 * }
 * ```
 */
export class SseBusError<Code extends string = SseBusErrorCode> extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "SseBusError";
    this.code = code;
  }
}

/** Whether `value` is an {@link SseBusError}, of this copy of the package or of another. */
export function isSseBusError(value: unknown): value is SseBusError {
  return value instanceof Error && value.name === "SseBusError" && "code" in value;
}
