import type { Jsonify } from "./jsonify.ts";
import type { Schemas, StandardSchema } from "./schema.ts";

/**
 * The data types of a bus, by channel or pattern, then by event. `message` is the default event.
 *
 * @example
 * ```ts
 * type Channels = {
 *   default: { message: string };
 *   "orders/*": { message: { total: number }; cancelled: { why: string } };
 * };
 * const bus = createBus<Channels>();
 * ```
 */
export type ChannelMap = Record<string, Record<string, unknown>>;

/** The channels of a bus without declared types: any channel, any event, any data. */
// oxlint-disable-next-line typescript/no-explicit-any -- only the caller knows the type of undeclared data
export type AnyChannels = Record<string, Record<string, any>>;

/** The {@link ChannelMap} that a set of validators declares. Data has the validators' output types. */
export type ChannelsOfSchemas<S extends Schemas> = {
  [Topic in keyof S]: {
    [Event in keyof S[Topic] as AnyEvent<Event>]: SchemaOutput<S[Topic][Event]>;
  };
};

/** The data that `publish` accepts with a set of validators: their input types. */
export type InputsOfSchemas<S extends Schemas> = {
  [Topic in keyof S]: {
    [Event in keyof S[Topic] as AnyEvent<Event>]: SchemaInput<S[Topic][Event]>;
  };
};

/** The validator `*` applies to events of any name. */
type AnyEvent<Event> = Event extends "*" ? string : Event;

/** The {@link ChannelMap} of a bus: `ChannelsOf<typeof bus>`. */
export type ChannelsOf<B> = B extends { readonly "~channels"?: (infer Channels) | undefined }
  ? Channels extends ChannelMap
    ? Channels
    : AnyChannels
  : AnyChannels;

/** The channels that you can publish to: declared channels, and those that a declared pattern covers. */
export type ChannelName<Channels extends ChannelMap> = TopicText<keyof Channels & string>;

/** What you can subscribe to: the same channels, and the declared patterns. */
export type TopicName<Channels extends ChannelMap> =
  | ChannelName<Channels>
  | (keyof Channels & string);

/** The events of a channel or pattern, and their data types. */
export type EventsOf<
  Channels extends ChannelMap,
  Topic extends string,
> = Topic extends keyof Channels
  ? Channels[Topic]
  : {
      [Known in keyof Channels & string]: Topic extends TopicText<Known> ? Channels[Known] : never;
    }[keyof Channels & string];

/** The event names of a channel or pattern. */
export type EventName<Channels extends ChannelMap, Topic extends string> =
  EventsOf<Channels, Topic> extends infer Events
    ? Events extends unknown
      ? keyof Events & string
      : never
    : never;

/** The data type of an event of a channel or pattern. */
export type DataOf<Channels extends ChannelMap, Topic extends string, Event extends string> = [
  Event,
] extends [never]
  ? never
  : EventsOf<Channels, Topic> extends infer Events
    ? Events extends unknown
      ? Event extends keyof Events
        ? Events[Event]
        : never
      : never
    : never;

/** The type of an event's data on the receiving side, after JSON. See {@link Jsonify}. */
export type ReceivedOf<
  Channels extends ChannelMap,
  Topic extends string,
  Event extends string,
> = Jsonify<DataOf<Channels, Topic, Event>>;

/** `orders/*` as a template literal type that matches its channels. */
export type TopicText<Topic extends string> = Topic extends `${infer Head}**`
  ? `${Head}${string}`
  : Topic extends `${infer Head}*${infer Tail}`
    ? `${Head}${string}${TopicText<Tail>}`
    : Topic;

type SchemaOutput<S> = S extends { "~standard": { types?: { output: infer O } | undefined } }
  ? O
  : S extends StandardSchema<unknown, infer O>
    ? O
    : never;

type SchemaInput<S> = S extends { "~standard": { types?: { input: infer I } | undefined } }
  ? I
  : unknown;
