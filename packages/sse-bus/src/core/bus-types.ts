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

/** Settings of {@link createBus}. */
export interface BusOptions {
  /** The log. @default memoryBackend() */
  readonly backend?: Backend;
  /** How much each channel keeps for readers who come back. */
  readonly history?: HistoryOptions;
  /** Bytes of history in this process, all channels together; the least recently used pay first. @default 67_108_864 */
  readonly maxHistoryBytes?: number;
  /** Bytes of one message's data, as it is sent. @default 262_144 */
  readonly maxMessageBytes?: number;
  /** Validators by channel or pattern, then event; what is not declared cannot be published. */
  readonly schemas?: Schemas;
  /** Every failure in the background ends here. @default console.error */
  readonly onError?: (error: Error) => void;
}

/** Where and how to publish. */
export interface PublishOptions<
  Channel extends string = string,
  Event extends string = string,
  Tx = unknown,
  Raw extends boolean = boolean,
> {
  /** @default "default" */
  readonly channel?: Channel | undefined;
  /** The event's name; `message` reaches `onmessage`. @default "message" */
  readonly event?: Event | undefined;
  /** A newer message with the same channel and key supersedes older ones for readers behind. */
  readonly key?: string | undefined;
  /**
   * Send the data, a string, as it is instead of as JSON: for htmx and other readers of a native
   * `EventSource` that want HTML or text. Listeners and this package's clients get the same string
   * either way. It must have no CR, NUL or lone surrogates, which an event stream does not carry.
   * @default false
   */
  readonly raw?: Raw | undefined;
  /**
   * Idempotency id: a second publish with the same id, on the same channel and by the same
   * `publisher`, stores nothing and returns the first.
   */
  readonly id?: string | undefined;
  /**
   * Whose `id` it is: ids of different publishers never meet, so that nobody can take the id of
   * somebody else's message. At most 200 characters. Publish routes set it, from the identity that
   * `authorize` gives, else to `""`. Set it where a Server Action takes ids from browsers.
   * @default the application's own code
   */
  readonly publisher?: string | undefined;
  /**
   * An open transaction of yours to publish in: the message is announced when it commits, and never
   * if it does not. Only for a backend that lives in your database, as `postgresBackend` does.
   */
  readonly tx?: Tx | undefined;
}

/** A published message. */
export interface Message<
  Channel extends string = string,
  Event extends string = string,
  Data = unknown,
> {
  /** Its id on the wire: what `Last-Event-ID`, `from` and `after` accept. */
  readonly id: string;
  readonly channel: Channel;
  readonly event: Event;
  readonly data: Data;
  readonly key?: string;
  /** When the log took it, in ms since 1970. */
  readonly time: number;
}

/** What {@link Bus.publish} resolves with. */
export interface Published<
  Channel extends string = string,
  Event extends string = string,
  Data = unknown,
> extends Message<Channel, Event, Data> {
  /** The idempotency id had been published before; this is the first message's place. */
  readonly duplicate?: true;
  readonly pending?: never;
}

/**
 * What {@link Bus.publish} in a transaction resolves with. The message has neither id nor time: the
 * log gives them after the commit, in the order of commits.
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
  /** The idempotency id had been published before, and nothing was published now. */
  readonly duplicate?: true;
}

/** {@link Published}, or {@link PendingPublish} too when there is a transaction. */
export type PublishResult<Tx, Channel extends string, Event extends string, Data> =
  | Published<Channel, Event, Data>
  | ([Tx] extends [undefined] ? never : PendingPublish<Channel, Event, Data>);

/** What to listen to. */
export interface SubscribeOptions<Topic extends string = string> {
  /** A channel or pattern. @default "default" */
  readonly channel?: Topic | undefined;
  /** Start after this message id or cursor instead of from now on. */
  readonly after?: string | undefined;
  /** Told when messages may be missing; without it the gap goes to `onError`. */
  readonly onGap?: ((gap: Gap) => void) | undefined;
}

/** Called with each message's data, as JSON has it; what it throws or rejects with goes to `onError`. */
export type Listener<Channels extends ChannelMap, Topic extends string> = (
  data: ReceivedOf<Channels, Topic, EventName<Channels, Topic>>,
  message: MessageOf<Channels, Topic>,
) => unknown;

/** The messages of a topic, told apart by `event`. */
export type MessageOf<Channels extends ChannelMap, Topic extends string> = {
  [Event in EventName<Channels, Topic>]: Message<string, Event, ReceivedOf<Channels, Topic, Event>>;
}[EventName<Channels, Topic>];

/** Publishes and subscribes: every method can be taken off the object and used by itself. */
export interface Bus<
  Channels extends ChannelMap = AnyChannels,
  Inputs extends ChannelMap = Channels,
> extends AsyncDisposable {
  /**
   * Calls `listener` for each message from now on, in order, in this process. Whatever this process
   * publishes after `subscribe` has returned reaches the listener. While the server is away that is
   * told to `onError`, and the listener comes alive with it, missing nothing or told of a gap.
   *
   * @returns the function that ends the subscription; calling it again does nothing
   * @throws SseBusError `INVALID_CHANNEL`, `INVALID_CURSOR`, `INVALID_OPTION`, `BUS_CLOSED`
   */
  readonly subscribe: <Topic extends TopicName<Channels> = DefaultTopic<Channels>>(
    listener: Listener<Channels, Topic>,
    options?: SubscribeOptions<Topic>,
  ) => () => void;

  /**
   * Broadcasts `data`. Resolves once the message is stored; readers get it right after.
   *
   * When it rejects, nothing is published; only after `BACKEND_UNAVAILABLE` it may be, because the
   * answer was lost. Publish again with the same `id` then: the message is stored once.
   *
   * With `tx` it resolves once the message is part of that transaction, {@link PendingPublish pending}
   * until the commit; of an `id` seen before it gives the first message's place, if it has one.
   *
   * @throws SseBusError `INVALID_DATA`, `INVALID_CHANNEL`, `INVALID_EVENT_NAME`, `INVALID_KEY`,
   * `INVALID_ID` (of `publisher`, too), `MESSAGE_TOO_LARGE`, `UNDECLARED`, `VALIDATION_FAILED`, `BACKEND_UNAVAILABLE`,
   * `BUS_CLOSED`, `TX_UNSUPPORTED`. Of `tx` itself, what its client throws
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

  /** The same two, for one channel. */
  readonly channel: <Channel extends TopicName<Channels>>(
    name: Channel,
  ) => ChannelHandle<Channels, Inputs, Channel>;

  /**
   * The head now. Take it before loading the data that a page renders, and let the client connect
   * from it: whatever happens in between arrives.
   *
   * @throws SseBusError `BACKEND_UNAVAILABLE`, `BUS_CLOSED`
   */
  readonly cursor: () => Promise<string>;

  /** What the bus holds and has counted. */
  readonly stats: () => BusStats;

  /** Ends every subscription and stream, and the backend. Idempotent. */
  readonly close: () => Promise<void>;

  /** Only a type: see `ChannelsOf`. */
  readonly "~channels"?: Channels;
}

/** A bus narrowed to one channel. */
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

/** See {@link Bus.stats}. */
export interface BusStats extends Readonly<Counters> {
  readonly backend: string;
  readonly status: BackendStatus | "closed";
  /** Open event streams. */
  readonly connections: number;
  /** In-process listeners. */
  readonly listeners: number;
  /** Channels and patterns that have a reader in this process. */
  readonly channels: number;
}

/** What can be published: with `raw` nothing but strings. */
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
