import { SseBusError } from "../core/errors.ts";
import {
  type LiveBus,
  type LiveDefinition,
  type LiveMessage,
  type LiveSnapshot,
  type LiveValidator,
  READ_LIVE,
} from "../core/live/live-types.ts";
import type { RegisteredChannels as Channels } from "../core/register.ts";
import type { EventName, ReceivedOf, TopicName } from "../core/types.ts";
import type { ReadyReducer, ReadyValue } from "./ready-reducer.ts";

/** A value that is folded from the messages of a channel, on the server and in browsers alike. */
export interface Live<
  Value,
  Channel extends string = string,
  // oxlint-disable-next-line typescript/no-explicit-any -- a live value of any data
  Data = any,
> {
  /** A channel or pattern. */
  readonly channel: Channel;
  /** The only event that counts; `undefined` for all. */
  readonly event: string | undefined;
  /** The value before the first message. */
  readonly initial: Value;
  /** Returns the value after a message. */
  readonly reduce: (value: Value, data: Data, message: LiveMessage) => Value;
  readonly validate: LiveValidator<Data> | undefined;
  /**
   * The value folded from what the log keeps, with the cursor that it is valid at. Works on the server only.
   *
   * The bus folds a live value once for all requests and keeps it current until nobody has read it for 60 s.
   * The value is shared: do not change it.
   *
   * @throws SseBusError `BACKEND_UNAVAILABLE`, `BUS_CLOSED`, `CURSOR_AT_BUILD`, `INVALID_CHANNEL`;
   * `INVALID_OPTION` if `bus` does not come from `createBus` or `sharedBus`
   * @example
   * ```ts
   * const snapshot = await board.read(bus); // { value, cursor }
   * ```
   */
  readonly read: (bus: LiveBus) => Promise<LiveSnapshot<Value>>;
}

/** What the options of every live value have in common. */
interface CommonOptions<Topic, Event, Data> {
  /** The channel or pattern whose messages are folded. */
  readonly channel: Topic;
  /** Fold only events of this name. @default all */
  readonly event?: Event | undefined;
  /**
   * Checks the data of each message: a Standard Schema without asynchronous parts, or a function such as
   * `(data: unknown): data is Order`. What it refuses is skipped and reported. `reduce` gets its type.
   * @default the type of the registered bus, unchecked
   */
  readonly validate?: LiveValidator<Data> | undefined;
}

/** Options of {@link defineLive} with a reducer of your own. */
export interface LiveOptions<Value, Topic, Event, Data> extends CommonOptions<Topic, Event, Data> {
  /** The value before the first message. */
  readonly initial: Value;
  /**
   * Returns the value after a message. It MUST give the same result for the same arguments and MUST NOT change
   * `value` itself. A message for which it throws is skipped and reported.
   */
  readonly reduce: (
    value: NoInfer<Value>,
    data: NoInfer<Data>,
    message: LiveMessage,
  ) => NoInfer<Value>;
}

/** Options of {@link defineLive} with a ready-made reducer, such as `lastMessages(50)`. */
export interface ReadyLiveOptions<Kind, Topic, Event, Data, Own> extends CommonOptions<
  Topic,
  Event,
  Data
> {
  readonly initial?: undefined;
  readonly reduce: ReadyReducer<Kind, Own>;
}

/**
 * Defines a value that is folded from the messages of a channel. Server and browser import the same
 * definition: the server reads it with `live.read(bus)`, and `useLive(live, snapshot)` continues from there,
 * without losing or repeating a message.
 *
 * @example
 * ```ts
 * // lib/board.ts
 * export const board = defineLive({
 *   channel: "goals",
 *   initial: { home: 0, away: 0 },
 *   reduce: (score, goal: { team: "home" | "away" }) => ({ ...score, [goal.team]: score[goal.team] + 1 }),
 * });
 * ```
 */
export function defineLive<
  const Topic extends TopicName<Channels>,
  Kind,
  const Event extends EventName<Channels, Topic> = EventName<Channels, Topic>,
  Data = ReceivedOf<Channels, Topic, Event>,
  Own = unknown,
>(
  options: ReadyLiveOptions<Kind, Topic, Event, Data, Own>,
): Live<ReadyValue<Kind, unknown extends Own ? Data : Own>, Topic, Data>;
export function defineLive<
  const Topic extends TopicName<Channels>,
  Value,
  const Event extends EventName<Channels, Topic> = EventName<Channels, Topic>,
  Data = ReceivedOf<Channels, Topic, Event>,
>(options: LiveOptions<Value, Topic, Event, Data>): Live<Value, Topic, Data>;
export function defineLive({ channel, event, validate, ...own }: AnyOptions): Live<unknown> {
  const { reduce } = own;
  const initial = "initial" in own && own.initial !== undefined ? own.initial : reduce.initial;
  const live: LiveDefinition & Pick<Live<unknown>, "read"> = {
    channel,
    event,
    initial,
    reduce,
    validate,
    read: async (bus) => readerOf(bus)(live),
  };
  return Object.freeze(live) as Live<unknown>;
}

interface AnyOptions {
  readonly channel: string;
  readonly event?: string | undefined;
  readonly validate?: LiveValidator<unknown> | undefined;
  readonly initial?: unknown;
  readonly reduce: LiveDefinition["reduce"] & { readonly initial?: unknown };
}

function readerOf(bus: LiveBus): NonNullable<LiveBus[typeof READ_LIVE]> {
  const read = bus[READ_LIVE];
  if (read) return read;
  throw new SseBusError("INVALID_OPTION", "`bus` must come from createBus() or sharedBus().");
}
