import type { ChannelMap, DataOf, EventName, TopicText } from "./types.ts";

/** Options of `bus.publish`. */
export interface PublishOptions<
  Channel extends string = string,
  Event extends string = string,
  Tx = unknown,
  Raw extends boolean = boolean,
> {
  /** The channel to publish to. @default "default" */
  readonly channel?: Channel | undefined;
  /**
   * The event's name. An `EventSource` receives `message` in `onmessage`. The protocol's `hello`, `ping`, `gap` and
   * `bye`, and EventSource's own `error` and `open`, cannot be published. @default "message"
   */
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
   * the identity that `authorize` returns, or to `""`. Set it in Server Actions that get ids.
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

/** The result of `bus.publish`: the stored message. */
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
 * The result of `bus.publish` in a transaction. The message has no id and no time yet, because the log
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

/**
 * A message of `bus.publishMany`: its data, and the options that `publish` takes, except `tx`. `channel` and
 * `event` may be left out where they have a default.
 */
export type OutgoingMessage<
  // oxlint-disable-next-line typescript/no-explicit-any -- only the caller knows the type of undeclared data
  Data = any,
  Channel extends string = string,
  Event extends string = string,
> = OutgoingContent<Data, Event> & Named<"channel", Channel, "default">;

/** A message without its channel. */
type OutgoingContent<Data, Event extends string> = Pick<
  PublishOptions,
  "key" | "id" | "publisher"
> &
  Named<"event", Event, "message"> &
  (
    | { readonly data: Data; readonly raw?: false | undefined }
    | { readonly data: PublishData<Data, true>; readonly raw: true }
  );

/** A field that may be left out if the default is among its values. */
type Named<Field extends string, Name extends string, Default extends string> = Default extends Name
  ? { readonly [F in Field]?: Name | undefined }
  : { readonly [F in Field]: Name };

/** Every message that can be published on a bus. */
export type OutgoingOf<Inputs extends ChannelMap> = {
  [Topic in keyof Inputs & string]: {
    [Event in keyof Inputs[Topic] & string]: OutgoingMessage<
      Inputs[Topic][Event],
      TopicText<Topic>,
      Event
    >;
  }[keyof Inputs[Topic] & string];
}[keyof Inputs & string];

/** Every message that can be published on a channel. */
export type OutgoingOn<Inputs extends ChannelMap, Channel extends string> = {
  [Event in EventName<Inputs, Channel>]: OutgoingContent<DataOf<Inputs, Channel, Event>, Event>;
}[EventName<Inputs, Channel>];

/** The result for each message of a bus. */
export type PublishedOf<Channels extends ChannelMap, Tx> = {
  [Topic in keyof Channels & string]: {
    [Event in keyof Channels[Topic] & string]: PublishResult<
      Tx,
      TopicText<Topic>,
      Event,
      Channels[Topic][Event]
    >;
  }[keyof Channels[Topic] & string];
}[keyof Channels & string];

/** The result for each message of a channel. */
export type PublishedOn<Channels extends ChannelMap, Channel extends string, Tx> = {
  [Event in EventName<Channels, Channel>]: PublishResult<
    Tx,
    Channel,
    Event,
    DataOf<Channels, Channel, Event>
  >;
}[EventName<Channels, Channel>];

/** Options of `bus.publishMany`. */
export interface PublishManyOptions<Tx = unknown> {
  /** An open transaction to publish in; see {@link PublishOptions.tx}. */
  readonly tx?: Tx | undefined;
}

/** What can be published: with `raw`, only strings. */
export type PublishData<Data, Raw extends boolean> = [Raw] extends [true]
  ? unknown extends Data
    ? string
    : Data & string
  : Data;
