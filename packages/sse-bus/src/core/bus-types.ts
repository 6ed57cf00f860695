import type { Backend, BackendStatus } from "./backend.ts";
import type { Counters } from "./counters.ts";
import type { HistoryOptions } from "./history.ts";
import type { Gap } from "./packet.ts";
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

/** Options of {@link Bus.publish}. */
export interface PublishOptions<
  Channel extends string = string,
  Event extends string = string,
  Tx = unknown,
  Raw extends boolean = boolean,
> {
  /** The channel to publish to. @default "default" */
  readonly channel?: Channel | undefined;
  /** The event's name. An `EventSource` receives `message` in `onmessage`. @default "message" */
  readonly event?: Event | undefined;
  /** A newer message supersedes older ones of the same channel and key: readers that are behind skip those. */
  readonly key?: string | undefined;
  /**
   * Send the data as plain text instead of JSON, for htmx and other users of a native `EventSource` that
   * expect HTML or text. The data must be a string without CR, NUL or lone surrogates, because an event
   * stream cannot carry them. Subscribers and this package's clients receive the same string either way.
   * @default false
   */
  readonly raw?: Raw | undefined;
  /**
   * Idempotency id. A second publish with the same id, channel and `publisher` stores nothing and returns
   * the first message's position.
   */
  readonly id?: string | undefined;
  /**
   * The namespace of `id`. Equal ids of different publishers do not collide, so one user cannot block
   * another user's message by using its id first. At most 200 characters. Publish routes set it to the id of
   * the identity that `authorize` returns, or to `""`. Set it in Server Actions that accept ids from
   * browsers.
   * @default the application's own code
   */
  readonly publisher?: string | undefined;
  /**
   * An open transaction to publish in. The message is delivered when the transaction commits, and never if
   * it rolls back. Requires a backend that stores the log in your database, such as `postgresBackend`.
   */
  readonly tx?: Tx | undefined;
}

/** A published message. */
export interface Message<
  Channel extends string = string,
  Event extends string = string,
  Data = unknown,
> {
  /** The message's id on the wire. `Last-Event-ID`, `from` and `after` accept it. */
  readonly id: string;
  readonly channel: Channel;
  readonly event: Event;
  readonly data: Data;
  readonly key?: string;
  /** When the message was stored, in ms since 1970. */
  readonly time: number;
}

/** The result of {@link Bus.publish}: the stored message. */
export interface Published<
  Channel extends string = string,
  Event extends string = string,
  Data = unknown,
> extends Message<Channel, Event, Data> {
  /** The idempotency id was published before. `id` and `time` are those of the first message. */
  readonly duplicate?: true;
  readonly pending?: never;
}

/**
 * The result of {@link Bus.publish} in a transaction. The message has no id and no time yet, because the log
 * assigns them after the commit, in the order of commits.
 */
export interface PendingPublish<
  Channel extends string = string,
  Event extends string = string,
  Data = unknown,
> {
  readonly pending: true;
  readonly id?: never;
  readonly time?: never;
  readonly channel: Channel;
  readonly event: Event;
  readonly data: Data;
  readonly key?: string;
  /** The idempotency id was published before; nothing was stored. */
  readonly duplicate?: true;
}

/** {@link Published}; with a transaction, also {@link PendingPublish}. */
export type PublishResult<Tx, Channel extends string, Event extends string, Data> =
  | Published<Channel, Event, Data>
  | ([Tx] extends [undefined] ? never : PendingPublish<Channel, Event, Data>);

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

  /** Returns `subscribe` and `publish` for one channel. */
  readonly channel: <Channel extends TopicName<Channels>>(
    name: Channel,
  ) => ChannelHandle<Channels, Inputs, Channel>;

  /**
   * The cursor of the head: the newest position in the log. Read it before you load the data of a page, and
   * let the client connect from it. The client then receives everything published since the data was loaded.
   *
   * @throws SseBusError `BACKEND_UNAVAILABLE`, `BUS_CLOSED`
   */
  readonly cursor: () => Promise<string>;

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

/** What can be published: with `raw`, only strings. */
type PublishData<Data, Raw extends boolean> = [Raw] extends [true]
  ? unknown extends Data
    ? string
    : Data & string
  : Data;

type DefaultTopic<Channels extends ChannelMap> = Extract<"default", ChannelName<Channels>>;
type DefaultEvent<Channels extends ChannelMap, Topic extends string> = Extract<
  "message",
  EventName<Channels, Topic>
>;
