import type { MessageOf } from "../core/bus-types.ts";
import type { Gap } from "../core/packet.ts";
import type { AnyChannels, ChannelMap, EventName, TopicName } from "../core/types.ts";
import type { BackoffOptions } from "./backoff.ts";
import type { SseClientError } from "./client-error.ts";
import type { SseStatus } from "./status.ts";

/**
 * Returns the bearer token for the next request. `refused` is true if the server answered the last one
 * with 401 or 403.
 */
export type TokenSource = (context: {
  readonly refused: boolean;
}) => string | undefined | Promise<string | undefined>;

/** Returns the headers for the next request. */
export type HeadersSource = () =>
  | Readonly<Record<string, string>>
  | Promise<Readonly<Record<string, string>>>;

/** Options of {@link createSseClient}. */
export interface SseClientOptions {
  /** The URL of the stream route. @default "/api/sse", below the `basePath` of a Next.js app */
  readonly url?: string | undefined;
  /** Channels that the connection always carries, so that a later subscription to them does not reconnect. */
  readonly channels?: readonly string[] | undefined;
  /**
   * Sent as `Authorization: Bearer`. A function is called before every request; after a 401 or 403 it is
   * called once more, with `refused: true`, to return a fresh token.
   */
  readonly token?: string | TokenSource | undefined;
  /** Sent with every request. A function is called before each. */
  readonly headers?: Readonly<Record<string, string>> | HeadersSource | undefined;
  /** Sends cookies to other origins, too. @default false */
  readonly withCredentials?: boolean | undefined;
  /**
   * Who the user is, for example a user id. Tabs share a connection only if it is the same. Set it if your
   * sessions are cookies, which a page cannot see. With `token`, `headers` or `fetch`, tabs share only if
   * it is set, because the client cannot know whether two tokens belong to one user.
   */
  readonly identity?: string | undefined;
  /** Shares one connection between all tabs with the same URL and `identity`. @default true */
  readonly shareTabs?: boolean | undefined;
  /** Makes the requests. Tabs then share only with `identity`, as it may add credentials. @default fetch */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** How long to wait between attempts, on top of what the server asks for. */
  readonly backoff?: BackoffOptions | undefined;
  /** How long an attempt may take until its `hello`. @default 15_000 */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * Called with errors thrown by listeners, with messages that cannot be parsed, and with refusals.
   * @default reportError or console.error
   */
  readonly onError?: ((error: SseClientError) => void) | undefined;
}

/**
 * How messages reach a client: over an event `stream`, or over a long `poll` where something between client and
 * server does not let streams through.
 */
export type SseTransport = "stream" | "poll";

/** The status of a connection, with its reason. A new object after each change. */
export interface SseConnection {
  readonly status: SseStatus;
  /** How messages arrive while the status is `open`. With several streams, `poll` if one of them polls. */
  readonly transport?: SseTransport | undefined;
  /** Why the connection is `failed` or was lost. */
  readonly error?: SseClientError | undefined;
  /** When the next attempt is due, in ms since 1970. */
  readonly retryAt?: number | undefined;
}

/** Options of `client.subscribe`. */
export interface SseSubscribeOptions<Event extends string = string> {
  /** Delivers only events of this name. @default all, except `ping` */
  readonly event?: Event | undefined;
  /**
   * Starts after this cursor: the result of `bus.cursor()`, a message's `id`, or what unsubscribing
   * returned. `latest` starts from a snapshot, `earliest` from the oldest message in history.
   * @default from now on
   */
  readonly cursor?: string | undefined;
  /** Called when messages of the channel may be missing: load its data again. */
  readonly onGap?: ((gap: Gap) => void) | undefined;
  /** Called with the status of this subscription. A refused channel is `failed` alone. */
  readonly onStatus?: ((connection: SseConnection) => void) | undefined;
}

/** A connection to a bus, shared by every subscription of the page and, where possible, of all tabs. */
export interface SseClient<Channels extends ChannelMap = AnyChannels> {
  /**
   * Calls `listener` for each message of a channel or pattern, once and in order. The client connects
   * with the first subscription and disconnects after the last one has ended.
   *
   * @returns a function that ends the subscription. It returns the cursor reached, from which a later
   *   subscription can continue, or an empty string if there is none yet.
   * @throws SseBusError `INVALID_CHANNEL`
   */
  readonly subscribe: <
    Topic extends TopicName<Channels>,
    const Event extends EventName<Channels, Topic> = EventName<Channels, Topic>,
  >(
    channel: Topic,
    listener: (
      data: Extract<MessageOf<Channels, Topic>, { readonly event: Event }>["data"],
      message: Extract<MessageOf<Channels, Topic>, { readonly event: Event }>,
    ) => void,
    options?: SseSubscribeOptions<Event>,
  ) => () => string;

  /** The status of the connection. */
  readonly status: SseStatus;

  /** The status with its reason. The same object until it changes, as `useSyncExternalStore` needs it. */
  readonly getStatus: () => SseConnection;

  /** Calls `listener` after each change of {@link getStatus}. Returns a function that stops it. */
  readonly subscribeStatus: (listener: () => void) => () => void;

  /**
   * Tries again at once: after a final refusal, or while the client waits. If the client is connected, opens a
   * new connection and then closes the old one.
   */
  readonly reconnect: () => void;

  /**
   * Sets another token, opens a connection with it and then closes the old one. For another user's token,
   * pass the `identity` too: the client then leaves the tabs of the former user at once, and receives
   * nothing of theirs any more.
   */
  readonly setToken: (
    token: string | TokenSource | undefined,
    options?: {
      /** `undefined` after signing out. @default as before */
      readonly identity?: string | undefined;
    },
  ) => void;

  /** Disconnects. The client cannot be used again. Idempotent. */
  readonly close: () => void;

  readonly [Symbol.dispose]: () => void;
}
