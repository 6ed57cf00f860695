import type { Backend, BackendStatus } from "./backend.ts";
import type { Counters } from "./counters.ts";
import type { ReadSnapshot } from "./data-snapshot.ts";
import type { DisconnectOptions, DisconnectTarget } from "./disconnect-target.ts";
import type { HistoryOptions } from "./history.ts";
import type { WhileSubscribed } from "./instances/while-subscribed-types.ts";
import type { Gap } from "./packet.ts";
import type { BusPresence } from "./presence/presence-types.ts";
import type {
  Message,
  OutgoingOf,
  OutgoingOn,
  PublishData,
  PublishedOf,
  PublishedOn,
  PublishManyOptions,
  PublishOptions,
  PublishResult,
} from "./publish-types.ts";
import type { Schemas } from "./schema.ts";
import type {
  AnyChannels,
  ChannelMap,
  ChannelName,
  DataOf,
  EventName,
  ReceivedOf,
  TopicName,
} from "./types.ts";

export type {
  Message,
  OutgoingMessage,
  PendingPublish,
  Published,
  PublishManyOptions,
  PublishOptions,
  PublishResult,
} from "./publish-types.ts";

/** Options of {@link createBus}. */
export interface BusOptions {
  /** Where the log is stored. @default memoryBackend() */
  readonly backend?: Backend;
  /** How much history each channel keeps, for readers that reconnect or start in the past. */
  readonly history?: HistoryOptions;
  /**
   * Bytes of history in this process, for all channels together. When the limit is exceeded, the least
   * recently used channels are evicted first.
   * @default 67_108_864
   */
  readonly maxHistoryBytes?: number;
  /** Bytes of one message's data, encoded for the wire. @default 262_144 */
  readonly maxMessageBytes?: number;
  /** Validators by channel or pattern, then by event. `publish` rejects undeclared channels and events. */
  readonly schemas?: Schemas;
  /** Receives every failure in the background. @default console.error */
  readonly onError?: (error: Error) => void;
}

/** Options of {@link Bus.subscribe}. */
export interface SubscribeOptions<Topic extends string = string> {
  /** The channel or pattern to subscribe to. @default "default" */
  readonly channel?: Topic | undefined;
  /** Start after this message id or cursor. Without it, the subscription starts at the head. */
  readonly after?: string | undefined;
  /** Called when messages may be missing. Without it, the gap is reported to `onError`. */
  readonly onGap?: ((gap: Gap) => void) | undefined;
}

/**
 * Called with the data of each message, as parsed from JSON. If it throws or rejects, the error goes to
 * `onError`.
 */
export type Listener<Channels extends ChannelMap, Topic extends string> = (
  data: ReceivedOf<Channels, Topic, EventName<Channels, Topic>>,
  message: MessageOf<Channels, Topic>,
) => unknown;

/** The messages of a channel or pattern: a union discriminated by `event`. */
export type MessageOf<Channels extends ChannelMap, Topic extends string> = {
  [Event in EventName<Channels, Topic>]: Message<string, Event, ReceivedOf<Channels, Topic, Event>>;
}[EventName<Channels, Topic>];

/** Publishes and subscribes. Methods do not use `this`, so you can destructure them. */
export interface Bus<
  Channels extends ChannelMap = AnyChannels,
  Inputs extends ChannelMap = Channels,
> extends AsyncDisposable {
  /**
   * Subscribes in this process: calls `listener` for each new message, in order. It receives every message
   * that this process publishes after `subscribe` returns.
   *
   * If the backend is unavailable, `onError` receives the failure and the bus tries again until the
   * subscription is live. The subscriber then receives every message since the call, or a gap.
   *
   * @returns a function that ends the subscription; calling it again does nothing
   * @throws SseBusError `INVALID_CHANNEL`, `INVALID_CURSOR`, `INVALID_OPTION`, `BUS_CLOSED`
   */
  readonly subscribe: <Topic extends TopicName<Channels> = DefaultTopic<Channels>>(
    listener: Listener<Channels, Topic>,
    options?: SubscribeOptions<Topic>,
  ) => () => void;

  /**
   * Publishes `data`. Resolves once the message is stored; delivery follows immediately.
   *
   * If it rejects, nothing is stored. The exception is `BACKEND_UNAVAILABLE`: the backend may have stored the
   * message although its response was lost. Publish again with the same `id`, and the message is stored only
   * once.
   *
   * With `tx`, it resolves once the message is part of the transaction, and the message is
   * {@link PendingPublish pending} until the commit. If the `id` was published before, the result is the
   * first message's position, or pending if that message has no position yet.
   *
   * @throws SseBusError `INVALID_DATA`, `INVALID_CHANNEL`, `INVALID_EVENT_NAME`, `INVALID_KEY`,
   * `INVALID_ID` (also for `publisher`), `MESSAGE_TOO_LARGE`, `UNDECLARED`, `VALIDATION_FAILED`,
   * `BACKEND_UNAVAILABLE`, `BUS_CLOSED`, `TX_UNSUPPORTED`. If the transaction fails, the error of its
   * database client
   */
  readonly publish: <
    Channel extends ChannelName<Inputs> = DefaultTopic<Inputs>,
    const Event extends EventName<Inputs, Channel> = DefaultEvent<Inputs, Channel>,
    Tx = undefined,
    const Raw extends boolean = false,
  >(
    data: PublishData<DataOf<Inputs, Channel, Event>, Raw>,
    options?: PublishOptions<Channel, Event, Tx, Raw>,
  ) => Promise<PublishResult<Tx, Channel, Event, DataOf<Channels, Channel, Event>>>;

  /**
   * Publishes messages in the order given: at most 1,000, with at most 1 MiB of data together (or as much as
   * `maxMessageBytes` allows for one). It takes one round trip to the backend, and readers receive the messages in
   * one write. Resolves once all are stored, with one result for each. An empty array resolves to an empty one.
   *
   * Every message is validated before any is stored. The error's `index` says which message is refused.
   *
   * In memory, in Redis and in Postgres, all messages are stored or none; after `BACKEND_UNAVAILABLE`, both is
   * possible. NATS and backends without `publishMany` store one message after the other. If it fails in between,
   * `stored` of the error has those that are known to be stored. Give messages an `id`, and publish the batch again:
   * what is stored already is not stored twice.
   *
   * @throws SseBusError what `publish` throws, and `BATCH_TOO_LARGE`
   * @example
   * ```ts
   * await bus.publishMany([
   *   { channel: "orders/42", data: { status: "paid" } },
   *   { channel: "stock/7", data: { left: 3 }, key: "left" },
   * ]);
   * ```
   */
  readonly publishMany: <Tx = undefined>(
    messages: readonly OutgoingOf<Inputs>[],
    options?: PublishManyOptions<Tx>,
  ) => Promise<PublishedOf<Channels, Tx>[]>;

  /** Returns `subscribe`, `publish` and `publishMany` for one channel. */
  readonly channel: <Channel extends TopicName<Channels>>(
    name: Channel,
  ) => ChannelHandle<Channels, Inputs, Channel>;

  /**
   * The cursor of the head: the newest position in the log. A client that starts from it receives everything
   * published later. Read it before you load the data of a page, or use {@link Bus.snapshot}.
   * @throws SseBusError `BACKEND_UNAVAILABLE`, `BUS_CLOSED`
   */
  readonly cursor: () => Promise<string>;

  /** Loads data with the cursor that it is valid from; see {@link ReadSnapshot}. */
  readonly snapshot: ReadSnapshot;

  /**
   * Ends the event streams that match every given field, on every instance, for example after a user has
   * signed out or has left a room. Revoke the access itself first, so that `authorize` refuses the client when
   * it reconnects.
   *
   * Streams of this process end before the call returns its promise; when that resolves, the log has the
   * order for the other instances, which receive it before anything published later. The client gets `bye`
   * with the reason `revoked`. This package's client then asks its `token` function for another token once,
   * and is `failed` without one; its error has `code` in `cause`. A native `EventSource` reconnects, and
   * `authorize` decides again. A stream that waits for `authorize` during the call is checked again.
   *
   * @returns how many streams ended in this process
   * @throws SseBusError `INVALID_OPTION`, `INVALID_CHANNEL`, `BUS_CLOSED`; `BACKEND_UNAVAILABLE` if the other
   * instances may not have the order: the streams of this process have ended; call again
   * @example
   * ```ts
   * await bus.disconnect({ identity: user.id }, { code: "SIGNED_OUT" });
   * await bus.disconnect({ identity: user.id, channel: "rooms/7" });
   * ```
   */
  readonly disconnect: (target: DisconnectTarget, options?: DisconnectOptions) => Promise<number>;

  /** Who is present on a channel, on all instances; see {@link BusPresence}. */
  readonly presence: BusPresence;

  /** Runs a function while somebody reads the channels of a pattern; see {@link WhileSubscribed}. */
  readonly whileSubscribed: WhileSubscribed<Channels>;

  /** The current state of the bus, and its counters. */
  readonly stats: () => BusStats;

  /** Ends every subscription and stream, and closes the backend. Idempotent. */
  readonly close: () => Promise<void>;

  /** Exists only as a type, for `ChannelsOf`. */
  readonly "~channels"?: Channels;
}

/** A {@link Bus} narrowed to one channel or pattern. */
export interface ChannelHandle<
  Channels extends ChannelMap,
  Inputs extends ChannelMap,
  Channel extends string,
> {
  readonly subscribe: (
    listener: Listener<Channels, Channel>,
    options?: Omit<SubscribeOptions, "channel">,
  ) => () => void;
  readonly publish: <
    const Event extends EventName<Inputs, Channel> = DefaultEvent<Inputs, Channel>,
    Tx = undefined,
    const Raw extends boolean = false,
  >(
    data: PublishData<DataOf<Inputs, Channel, Event>, Raw>,
    options?: Omit<PublishOptions<Channel, Event, Tx, Raw>, "channel">,
  ) => Promise<PublishResult<Tx, Channel, Event, DataOf<Channels, Channel, Event>>>;
  readonly publishMany: <Tx = undefined>(
    messages: readonly OutgoingOn<Inputs, Channel>[],
    options?: PublishManyOptions<Tx>,
  ) => Promise<PublishedOn<Channels, Channel, Tx>[]>;
}

/** The result of {@link Bus.stats}. */
export interface BusStats extends Readonly<Counters> {
  readonly backend: string;
  readonly status: BackendStatus | "closed";
  /** Open event streams. */
  readonly connections: number;
  /** Subscribers in this process. */
  readonly listeners: number;
  /** Channels and patterns that have a reader in this process. */
  readonly channels: number;
}

type DefaultTopic<Channels extends ChannelMap> = Extract<"default", ChannelName<Channels>>;
type DefaultEvent<Channels extends ChannelMap, Topic extends string> = Extract<
  "message",
  EventName<Channels, Topic>
>;
