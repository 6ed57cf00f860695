import type { SseClientError } from "./client-error.ts";
import type { SseStatus } from "./status.ts";

/** Somebody who has at least one open stream on a channel. */
export interface PresenceMember<Info = unknown, State = unknown> {
  /** The `id` of the identity that `authorize` returned. */
  readonly id: string;
  /** The `info` of this identity. The server vouches for it. */
  readonly info?: Info;
  /** What the member has set last with `setState`. */
  readonly state?: State;
  /** The member's open streams: tabs share one, devices do not. */
  readonly count: number;
}

/** Who is on a channel. A new object after each change. */
export interface PresenceView<Info = unknown, State = unknown> {
  /** `open` when the stream is live and the members are complete. */
  readonly status: SseStatus;
  /** Why it is `failed`, or why the stream was lost. */
  readonly error?: SseClientError | undefined;
  /**
   * In the order in which they came. While the stream is lost, those of before. A member that has not
   * changed is the same object.
   */
  readonly members: readonly PresenceMember<Info, State>[];
  /** The member that this page belongs to. Missing if the stream has no identity. */
  readonly self?: PresenceMember<Info, State> | undefined;
}

/** The presence of one channel, as {@link createPresence} gives it. */
export interface PresenceHandle<Info = unknown, State = unknown> {
  /** Who is on the channel now. The same object until it changes, as `useSyncExternalStore` needs it. */
  readonly getView: () => PresenceView<Info, State>;
  /**
   * Calls `listener` after each change of {@link getView}. The page is on the channel from the first
   * `subscribe` until the function that it returns was called for the last.
   */
  readonly subscribe: (listener: () => void) => () => void;
  /**
   * Sets what the others see of this member, such as `{ typing: true }`: JSON of at most 1 KiB; `null` clears it.
   * At most eight values a second are sent, and of more the newest. It is kept until another tab or device of
   * the member sets one, and sent again after a reconnect. Without a subscription it does nothing. If
   * the server refuses it, `onError` of the client gets `STATE_REFUSED`.
   *
   * @throws SseBusError `INVALID_DATA`, `MESSAGE_TOO_LARGE`
   */
  readonly setState: (state: State | null) => void;
}

/** Options of {@link createPresence}. */
export interface PresenceHandleOptions {
  /** Where to send states. @default `presence`, beside the URL of the stream */
  readonly url?: string | undefined;
}
