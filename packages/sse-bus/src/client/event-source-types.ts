import type { BackoffOptions } from "./backoff.ts";
import type { HeadersSource } from "./client-types.ts";

/** What {@link SseEventSource} takes: the standard's `withCredentials`, and more. */
export interface SseEventSourceInit {
  /** Send cookies to another origin. @default false */
  readonly withCredentials?: boolean | undefined;
  /** Sent with every request; a function is asked before each. */
  readonly headers?: Readonly<Record<string, string>> | HeadersSource | undefined;
  /** Makes the requests. @default fetch */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** What is waited beyond the reconnection time when attempts fail one after another. */
  readonly backoff?: BackoffOptions | undefined;
  /**
   * Answers after which it goes on, where the standard gives up: `[502, 503, 504]` outlasts the restart
   * of a server behind a proxy. Their `Retry-After` is honoured. @default none
   */
  readonly retryStatuses?: readonly number[] | undefined;
  /** A stream or attempt that gives no byte for so long, in ms, counts as lost. @default never */
  readonly watchdogMs?: number | undefined;
}

/** The events that every {@link SseEventSource} has; the server's have names of its own. */
export interface SseEventSourceEventMap {
  open: Event;
  message: MessageEvent<string>;
  error: Event;
}
