import { errorPage } from "./error-page.ts";

/** Every code an {@link SseBusError} can carry. Each has a page of cause and fix under `docs/errors/`. */
export type SseBusErrorCode =
  | "AUTHORIZATION_FAILED"
  | "AUTHORIZATION_UNAVAILABLE"
  | "BACKEND_NOT_MIGRATED"
  | "BACKEND_UNAVAILABLE"
  | "BATCH_TOO_LARGE"
  | "BODY_ALREADY_READ"
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
  | "RUN_FAILED"
  | "SINK_FAILED"
  | "STREAM_FAILED"
  | "TASK_CANCELLED"
  | "TASK_RUNNING"
  | "TOO_MANY_MEMBERS"
  | "TOO_MANY_STREAMS"
  | "TOO_MANY_TASKS"
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
  /**
   * The address of the page that explains `code`: cause, fix and example. Node.js prints it with the error. Absent in a
   * browser, whose bundle does not carry the address.
   */
  declare readonly help?: string;
  /** Which message of a `publishMany` it is about, from 0. */
  declare readonly index?: number;
  /**
   * For a `publishMany` of which only a part is stored: each message of the batch that is known to be stored, in
   * its place. The others are not stored, or their answer was lost.
   */
  declare readonly stored?: readonly (StoredInBatch | undefined)[];

  constructor(code: Code, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "SseBusError";
    this.code = code;
    // Next.js replaces the variable by "" in client bundles, and so leaves the address out of them. It replaces
    // `typeof window` in the app's own files only. Some pages have a `process` without `env`.
    if (globalThis.process?.env && process.env.NEXT_RUNTIME !== "") {
      this.help = errorPage(code);
    }
  }
}

/** A message of a batch that is stored although the batch as a whole is not. */
export interface StoredInBatch {
  readonly id: string;
  readonly channel: string;
  /** When it was stored, in ms since 1970. */
  readonly time: number;
  /** Its idempotency id was published before; `id` and `time` are those of the first message. */
  readonly duplicate?: true;
}

/** Whether `value` is an {@link SseBusError}, of this copy of the package or of another. */
export function isSseBusError(value: unknown): value is SseBusError {
  return value instanceof Error && value.name === "SseBusError" && "code" in value;
}
