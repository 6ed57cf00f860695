import type { BackoffOptions } from "./backoff.ts";
import type { HeadersSource } from "./client-types.ts";

/** Options of {@link SseEventSource}: the standard's `withCredentials`, and more. */
export interface SseEventSourceInit {
  /** Sends cookies to other origins, too. @default false */
  readonly withCredentials?: boolean | undefined;
  /** Sent with every request. A function is called before each. */
  readonly headers?: Readonly<Record<string, string>> | HeadersSource | undefined;
  /** Makes the requests. @default fetch */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** How long to wait, on top of the reconnection time, when attempts fail one after another. */
  readonly backoff?: BackoffOptions | undefined;
  /**
   * Statuses after which it reconnects, although the standard ends the connection: `[502, 503, 504]` survives the
   * restart of a server behind a proxy. It honours `Retry-After`. @default none
   */
  readonly retryStatuses?: readonly number[] | undefined;
  /** A stream or an attempt without a byte for this many ms counts as lost. @default never */
  readonly watchdogMs?: number | undefined;
}

/** The events of every {@link SseEventSource}. The server may send events of any other name. */
export interface SseEventSourceEventMap {
  open: Event;
  message: MessageEvent<string>;
  error: Event;
}
