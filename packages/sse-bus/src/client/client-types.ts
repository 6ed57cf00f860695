import type { MessageOf } from "../core/bus-types.ts";
import type { Gap } from "../core/packet.ts";
import type { AnyChannels, ChannelMap, EventName, TopicName } from "../core/types.ts";
import type { BackoffOptions } from "./backoff.ts";
import type { SseClientError } from "./client-error.ts";
import type { SseStatus } from "./status.ts";

/** Gives the bearer token of the next request. `refused`: the server said 401 or 403 to the last one. */
export type TokenSource = (context: {
  readonly refused: boolean;
}) => string | undefined | Promise<string | undefined>;

/** Gives the headers of the next request. */
export type HeadersSource = () =>
  | Readonly<Record<string, string>>
  | Promise<Readonly<Record<string, string>>>;

/** Settings of {@link createSseClient}. */
export interface SseClientOptions {
  /** The stream route. @default "/api/sse", below the `basePath` of a Next.js app */
  readonly url?: string | undefined;
  /** Channels that the connection carries whenever there is one, so that later subscriptions to them change nothing. */
  readonly channels?: readonly string[] | undefined;
  /**
   * Sent as `Authorization: Bearer`. A function is asked before every request; after a 401 or 403 it
   * is asked once more with `refused: true`, to bring a fresh one.
   */
  readonly token?: string | TokenSource | undefined;
  /** Sent with every request; a function is asked before each. */
  readonly headers?: Readonly<Record<string, string>> | HeadersSource | undefined;
  /** Send cookies to another origin. @default false */
  readonly withCredentials?: boolean | undefined;
  /**
   * Who the user is, for example an id. Tabs share a connection only if it is the same. Give it
   * where sessions are cookies, which a page cannot see; and with `token`, `headers` or `fetch`,
   * which turn sharing off without it, as nobody can tell whether two of them are one user's.
   */
  readonly identity?: string | undefined;
  /** One connection for all tabs of the browser that have the same URL and `identity`. @default true */
  readonly shareTabs?: boolean | undefined;
  /** Makes the requests. Turns sharing off without `identity`: it may add credentials. @default fetch */
  readonly fetch?: typeof globalThis.fetch | undefined;
  readonly backoff?: BackoffOptions | undefined;
  /** How long an attempt may take until its `hello`. @default 15_000 */
  readonly connectTimeoutMs?: number | undefined;
  /** What listeners throw, messages that cannot be read, and refusals. @default reportError or console.error */
  readonly onError?: ((error: SseClientError) => void) | undefined;
}

/** What the client knows of its connection. A new object whenever something changed. */
export interface SseConnection {
  readonly status: SseStatus;
  /** Why it is `failed`, or was lost. */
  readonly error?: SseClientError | undefined;
  /** When the next attempt is due, in ms since 1970. */
  readonly retryAt?: number | undefined;
}

/** How to subscribe. */
export interface SseSubscribeOptions<Event extends string = string> {
  /** Only events of this name. @default all */
  readonly event?: Event | undefined;
  /**
   * Start after this cursor (of `bus.cursor()`, of a message, or what `unsubscribe` returned), from
   * a snapshot (`latest`), or from all that history keeps (`earliest`). @default from now on
   */
  readonly cursor?: string | undefined;
  /** Messages of the channel may be missing here: load its data anew. */
  readonly onGap?: ((gap: Gap) => void) | undefined;
  /** What of the connection concerns this subscription: a refused channel is `failed` by itself. */
  readonly onStatus?: ((connection: SseConnection) => void) | undefined;
}

/** A connection to a bus, shared by every subscription of the page and, where possible, of all tabs. */
export interface SseClient<Channels extends ChannelMap = AnyChannels> {
  /**
   * Calls `listener` for each message of a channel or pattern, once and in order. The first
   * subscription connects, the last one to end disconnects.
   *
   * @returns the function that ends the subscription; it gives the cursor reached, to go on from,
   *   empty when there is none yet
   * @throws SseBusError `INVALID_CHANNEL`, `CLIENT_CLOSED`
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

  /** The state of the connection now. */
  readonly status: SseStatus;

  /** The same with its reason: one object until something changes, as `useSyncExternalStore` wants it. */
  readonly getStatus: () => SseConnection;

  /** Calls `listener` when {@link getStatus} has something new. Returns the function that ends it. */
  readonly subscribeStatus: (listener: () => void) => () => void;

  /** Tries again after a final refusal, or replaces a connection by a new one (make before break). */
  readonly reconnect: () => void;

  /**
   * Sets another token and reconnects with it, make before break. Where it is another user's, give the
   * `identity` too: tabs of the former one are left at once, and nothing of theirs arrives any more.
   */
  readonly setToken: (
    token: string | TokenSource | undefined,
    options?: {
      /** Of whoever is nobody now: `undefined`. @default as before */
      readonly identity?: string | undefined;
    },
  ) => void;

  /** Disconnects for good. Idempotent. */
  readonly close: () => void;

  readonly [Symbol.dispose]: () => void;
}
