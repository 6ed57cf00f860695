import type { SseClientErrorCode } from "./client-error.ts";
import type { SseTransport } from "./client-types.ts";
import type { Ladder } from "./ladder.ts";

/**
 * What a multiplexer sends to every tab of its group, the same sequence to all:
 * - `retry`: what was refused is asked for again
 * - `idle`: no tab is interested in anything
 */
export type MultiplexerMessage =
  | HelloMessage
  | FrameMessage
  | LostMessage
  | RefusedMessage
  | { readonly type: "retry" }
  | { readonly type: "idle" };

/** A stream serves these channels with everything after `from`. */
export interface HelloMessage {
  readonly type: "hello";
  readonly channels: readonly string[];
  readonly from: string;
  /** Everything up to here has been delivered. */
  readonly cursor: string;
  /** Where "from now on" starts. */
  readonly head: string;
  /** How long the leader may be silent. */
  readonly silenceMs: number;
  /** Missing in that of an older build, which knows only streams. */
  readonly transport?: SseTransport;
  /** What the leader has learned of the network, for the next one. */
  readonly ladder?: Ladder | undefined;
}

/** A message, a `gap` or a `ping` of the stream. */
export interface FrameMessage {
  readonly type: "frame";
  readonly cursor: string;
  readonly channel: string;
  readonly event: string;
  /** JSON. */
  readonly data: string;
}

/** The stream was lost; the next attempt is due at `retryAt`. */
export interface LostMessage {
  readonly type: "lost";
  readonly error: ErrorRecord;
  readonly retryAt: number;
}

/** The server has refused these channels for good, or all of them where none are named. */
export interface RefusedMessage {
  readonly type: "refused";
  readonly error: ErrorRecord;
  readonly channels?: readonly string[];
}

/** A client error as plain data, which can travel between tabs. */
export interface ErrorRecord {
  readonly code: SseClientErrorCode;
  readonly message: string;
  readonly cause?: unknown;
}
