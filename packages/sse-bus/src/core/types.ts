import type { Jsonify } from "./jsonify.ts";
import type { Schemas, StandardSchema } from "./schema.ts";

/**
 * What a bus carries: data types by channel (or pattern), then by event; `message` is the event
 * without a name.
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

/** The channels of a bus whose types were not declared: any channel, any event, any data. */
// oxlint-disable-next-line typescript/no-explicit-any -- undeclared data is the caller's to know
export type AnyChannels = Record<string, Record<string, any>>;

/** The {@link ChannelMap} that a set of validators declares; data has their output types. */
export type ChannelsOfSchemas<S extends Schemas> = {
  [Topic in keyof S]: {
    [Event in keyof S[Topic] as AnyEvent<Event>]: SchemaOutput<S[Topic][Event]>;
  };
};

/** What may be given to `publish` under a set of validators: their input types. */
export type InputsOfSchemas<S extends Schemas> = {
  [Topic in keyof S]: {
    [Event in keyof S[Topic] as AnyEvent<Event>]: SchemaInput<S[Topic][Event]>;
  };
};

/** The validator under `*` is for events of any name. */
type AnyEvent<Event> = Event extends "*" ? string : Event;

/** The channels of a bus: `ChannelsOf<typeof bus>`. */
export type ChannelsOf<B> = B extends { readonly "~channels"?: (infer Channels) | undefined }
  ? Channels extends ChannelMap
    ? Channels
    : AnyChannels
  : AnyChannels;

/** Names one may publish to: declared channels, and whatever a declared pattern covers. */
export type ChannelName<Channels extends ChannelMap> = TopicText<keyof Channels & string>;

/** Names one may subscribe to: these, and the declared patterns themselves. */
export type TopicName<Channels extends ChannelMap> =
  | ChannelName<Channels>
  | (keyof Channels & string);

/** The events, with their data, of a channel or pattern. */
export type EventsOf<
  Channels extends ChannelMap,
  Topic extends string,
> = Topic extends keyof Channels
  ? Channels[Topic]
  : {
      [Known in keyof Channels & string]: Topic extends TopicText<Known> ? Channels[Known] : never;
    }[keyof Channels & string];

/** The names of events on a channel or pattern. */
export type EventName<Channels extends ChannelMap, Topic extends string> =
  EventsOf<Channels, Topic> extends infer Events
    ? Events extends unknown
      ? keyof Events & string
      : never
    : never;

/** The data of an event on a channel or pattern. */
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

/** What arrives of an event's data: see {@link Jsonify}. */
export type ReceivedOf<
  Channels extends ChannelMap,
  Topic extends string,
  Event extends string,
> = Jsonify<DataOf<Channels, Topic, Event>>;

/** `orders/*` as a template that its channels match. */
type TopicText<Topic extends string> = Topic extends `${infer Head}**`
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
