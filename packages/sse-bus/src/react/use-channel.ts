"use client";

import { useInsertionEffect, useMemo } from "react";
import type { SseClient } from "../client/client-types.ts";
import type { MessageOf } from "../core/bus-types.ts";
import type { Gap } from "../core/packet.ts";
import type { RegisteredChannels as Channels } from "../core/register.ts";
import type { ReceivedOf, EventName, TopicName } from "../core/types.ts";
import type { ChannelResult } from "./channel-result.ts";
import { type ChannelCallbacks, createChannelStore } from "./channel-store.ts";
import { useSse } from "./context.ts";
import { useStore } from "./use-store.ts";

/** The data of {@link useChannel} without `select`, `reduce` and `keep`. */
type Data<Topic extends string, Event extends string> = ReceivedOf<Channels, Topic, Event>;

/** The second argument of the callbacks. */
type MessageFor<Topic extends string, Event extends string> = Extract<
  MessageOf<Channels, Topic>,
  { readonly event: Event }
>;

interface CommonOptions<Topic extends string, Event extends string> {
  /** Only events of this name. @default all */
  readonly event?: Event | undefined;
  /** Called for each message, once and in order, outside of rendering. */
  readonly onMessage?: (data: Data<Topic, Event>, message: MessageFor<Topic, Event>) => void;
  /** Called when messages may be missing: load the data again. */
  readonly onGap?: ((gap: Gap) => void) | undefined;
  /**
   * Where to start: the result of `await bus.cursor()`, called on the server before it loaded `initial`; or
   * `latest` or `earliest`. Read at the first render of a channel. @default from now on
   */
  readonly cursor?: string | undefined;
  /** `false` ends the subscription of this hook; `true` continues it from where it was. @default true */
  readonly enabled?: boolean | undefined;
}

/** Options of {@link useChannel} to get the newest value. */
export interface LatestOptions<
  Topic extends string,
  Event extends string,
  Value,
> extends CommonOptions<Topic, Event> {
  /** The value until the first message, and what the server renders. */
  readonly initial?: NoInfer<Value>;
  /** Returns the value for a message. @default its data */
  readonly select?: (data: Data<Topic, Event>, message: MessageFor<Topic, Event>) => Value;
  readonly keep?: undefined;
  readonly reduce?: undefined;
}

/** Options of {@link useChannel} to get the last values, oldest first. */
export interface KeepOptions<
  Topic extends string,
  Event extends string,
  Value,
> extends CommonOptions<Topic, Event> {
  /** How many values. */
  readonly keep: number;
  readonly initial?: readonly NoInfer<Value>[];
  readonly select?: (data: Data<Topic, Event>, message: MessageFor<Topic, Event>) => Value;
  readonly reduce?: undefined;
}

/** Options of {@link useChannel} to reduce messages to a state. */
export interface ReduceOptions<
  Topic extends string,
  Event extends string,
  State,
> extends CommonOptions<Topic, Event> {
  readonly initial: State;
  /** Returns the state after a message. Called outside of rendering; it MUST NOT change `state` itself. */
  readonly reduce: (
    state: NoInfer<State>,
    data: Data<Topic, Event>,
    message: MessageFor<Topic, Event>,
  ) => NoInfer<State>;
  readonly keep?: undefined;
  readonly select?: undefined;
}

/**
 * Subscribes to a channel or pattern and renders its messages. All hooks of a page, and all tabs, share
 * one connection.
 *
 * A burst of messages renders at most once a frame. With `initial` and `cursor` from the server, no message
 * between its render and the connection is lost.
 *
 * @example
 * ```tsx
 * const { status, data } = useChannel("orders/42", { event: "status", initial: order.status, cursor });
 * return <p data-live={status === "open"}>{data}</p>;
 * ```
 */
export function useChannel<
  Topic extends TopicName<Channels>,
  State,
  const Event extends EventName<Channels, Topic> = EventName<Channels, Topic>,
>(channel: Topic, options: ReduceOptions<Topic, Event, State>): ChannelResult<State>;
export function useChannel<
  Topic extends TopicName<Channels>,
  const Event extends EventName<Channels, Topic> = EventName<Channels, Topic>,
  Value = Data<Topic, Event>,
>(channel: Topic, options: KeepOptions<Topic, Event, Value>): ChannelResult<readonly Value[]>;
export function useChannel<
  Topic extends TopicName<Channels>,
  const Event extends EventName<Channels, Topic> = EventName<Channels, Topic>,
  Value = Data<Topic, Event>,
>(
  channel: Topic,
  options: LatestOptions<Topic, Event, Value> & { readonly initial: NoInfer<Value> },
): ChannelResult<Value>;
export function useChannel<
  Topic extends TopicName<Channels>,
  const Event extends EventName<Channels, Topic> = EventName<Channels, Topic>,
  Value = Data<Topic, Event>,
>(channel: Topic, options?: LatestOptions<Topic, Event, Value>): ChannelResult<Value | undefined>;
export function useChannel(channel: string, options: Options = {}): ChannelResult<unknown> {
  // oxlint-disable-next-line typescript/no-unnecessary-type-assertion -- not where a bus is registered
  const client = useSse() as unknown as SseClient;
  const { event, enabled = true } = options;
  const store = useMemo(() => {
    const { keep, initial = keep === undefined ? undefined : [], cursor } = options;
    return createChannelStore(client, { channel, initial, cursor, callbacks: options });
    // oxlint-disable-next-line react/exhaustive-deps -- `initial` and `cursor` say how to start, once
  }, [client, channel, event]);
  // Before the effects of this commit, so that no message meets the callbacks of an earlier render.
  useInsertionEffect(() => {
    store.callbacks = options;
  });
  return useStore(store, enabled);
}

interface Options extends ChannelCallbacks {
  readonly initial?: unknown;
  readonly cursor?: string | undefined;
  readonly enabled?: boolean | undefined;
}
