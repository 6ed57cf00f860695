"use client";

import { useCallback, useInsertionEffect, useMemo, useSyncExternalStore } from "react";
import type { SseClientError } from "../client/client-error.ts";
import type { SseClient } from "../client/client-types.ts";
import type { SseStatus } from "../client/status.ts";
import type { MessageOf } from "../core/bus-types.ts";
import type { Gap } from "../core/packet.ts";
import type { ReceivedOf, EventName, TopicName } from "../core/types.ts";
import { type ChannelCallbacks, type ChannelView, createChannelStore } from "./channel-store.ts";
import { useSse } from "./context.ts";
import type { RegisteredChannels as Channels } from "./register.ts";

/** The data that {@link useChannel} gives a hook without `select`, `reduce` and `keep`. */
type Data<Topic extends string, Event extends string> = ReceivedOf<Channels, Topic, Event>;

/** The message that a callback gets beside its data. */
type MessageFor<Topic extends string, Event extends string> = Extract<
  MessageOf<Channels, Topic>,
  { readonly event: Event }
>;

interface CommonOptions<Topic extends string, Event extends string> {
  /** Only events of this name. @default all */
  readonly event?: Event | undefined;
  /** Called for each message, once and in order, outside of rendering. */
  readonly onMessage?: (data: Data<Topic, Event>, message: MessageFor<Topic, Event>) => void;
  /** Called when messages may be missing: load the data anew. */
  readonly onGap?: ((gap: Gap) => void) | undefined;
  /**
   * Where to start: the server's `await bus.cursor()`, taken before it loaded `initial`; or `latest`
   * or `earliest`. Read at the first render of a channel. @default from now on
   */
  readonly cursor?: string | undefined;
  /** Off disconnects this hook; on again, it goes on from where it was. @default true */
  readonly enabled?: boolean | undefined;
}

/** Settings of {@link useChannel} that give the newest value. */
export interface LatestOptions<
  Topic extends string,
  Event extends string,
  Value,
> extends CommonOptions<Topic, Event> {
  /** The value until a message comes, and what the server renders. */
  readonly initial?: NoInfer<Value>;
  /** What of a message becomes the value. @default its data */
  readonly select?: (data: Data<Topic, Event>, message: MessageFor<Topic, Event>) => Value;
  readonly keep?: undefined;
  readonly reduce?: undefined;
}

/** Settings of {@link useChannel} that give the last few values, oldest first. */
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

/** Settings of {@link useChannel} that fold messages into a state. */
export interface ReduceOptions<
  Topic extends string,
  Event extends string,
  State,
> extends CommonOptions<Topic, Event> {
  readonly initial: State;
  /** The state after a message. Called outside of rendering; must not change `state` itself. */
  readonly reduce: (
    state: NoInfer<State>,
    data: Data<Topic, Event>,
    message: MessageFor<Topic, Event>,
  ) => NoInfer<State>;
  readonly keep?: undefined;
  readonly select?: undefined;
}

/** What {@link useChannel} gives: told apart by `status`, honest about the connection. */
export type ChannelResult<Value> =
  | {
      /** The stream is live. */
      readonly status: "open";
      readonly data: Value;
      readonly error: undefined;
      /** The last loss that could not be recovered, if there was one. */
      readonly gap: Gap | undefined;
    }
  | {
      /** Not live now, and working on it (or not asked to). */
      readonly status: Exclude<SseStatus, "open" | "failed">;
      readonly data: Value;
      /** Why the stream was lost. */
      readonly error: SseClientError | undefined;
      readonly gap: Gap | undefined;
    }
  | {
      /** Refused for good; `useSse().reconnect()` tries again. */
      readonly status: "failed";
      readonly data: Value;
      readonly error: SseClientError;
      readonly gap: Gap | undefined;
    };

/**
 * Renders a channel (or pattern) of the bus. All hooks of a page, and all tabs, share one connection.
 *
 * A burst of messages renders at most once a frame. With `initial` and `cursor` from the server,
 * nothing is missed between its render and the connection.
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
  const subscribe = useCallback(
    (notify: () => void) => (enabled ? store.subscribe(notify) : () => {}),
    [store, enabled],
  );
  const snapshot = useSyncExternalStore(subscribe, store.snapshot, store.serverSnapshot);
  return toResult(snapshot, enabled);
}

interface Options extends ChannelCallbacks {
  readonly initial?: unknown;
  readonly cursor?: string | undefined;
  readonly enabled?: boolean | undefined;
}

function toResult({ connection, data, gap }: ChannelView, enabled: boolean) {
  const { status, error } = connection;
  return { status: enabled ? status : "idle", data, error, gap } as ChannelResult<unknown>;
}
