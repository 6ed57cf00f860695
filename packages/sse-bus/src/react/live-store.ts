import { backoffMs } from "../client/backoff.ts";
import type { SseClient, SseConnection, SseSubscribeOptions } from "../client/client-types.ts";
import { type OwnClient, SETTINGS } from "../client/settings.ts";
import { applyMessage, skippedText } from "../core/live/apply-message.ts";
import type { LiveDefinition, LiveMessage, LiveSnapshot } from "../core/live/live-types.ts";
import { startTimeout } from "../core/timers.ts";
import { type ChannelStore, createChannelStore } from "./channel-store.ts";

/** The state of one `useLive`, outside of React. */
export interface LiveStore extends ChannelStore {
  /** The definition that the next message is reduced with. */
  live: LiveDefinition;
}

type Received = LiveMessage & { readonly data: unknown };

/** Stands for a message whose data is the value folded again. */
const FOLDED = {};

/** The longest wait before a value is folded again, and how long without a gap makes the next wait short. */
const MAX_WAIT_MS = 5_000;
const STABLE_MS = 30_000;

/**
 * A channel store that starts from the server's value and, after a gap, folds what the log keeps again. Its value
 * is always the fold of messages without a hole: until the new fold has reached the head, it stays the old one.
 */
export function createLiveStore(
  client: OwnClient,
  live: LiveDefinition,
  snapshot: LiveSnapshot<unknown> | undefined,
): LiveStore {
  const store = createChannelStore(
    { subscribe: subscribe as SseClient["subscribe"] },
    {
      channel: live.channel,
      initial: snapshot ? snapshot.value : live.initial,
      cursor: snapshot ? snapshot.cursor : "earliest",
      callbacks: {
        event: live.event,
        reduce: (value: unknown, data: unknown, message: Received) =>
          message === FOLDED ? data : apply(value, message),
      },
    },
  );
  const own: LiveStore = Object.assign(store, { live });
  /** The client reports what it throws, and continues. */
  const apply = (value: unknown, message: Received): unknown => {
    try {
      return applyMessage(own.live, value, message);
    } catch (cause) {
      const what = `Message ${message.id} of "${message.channel}"`;
      throw new TypeError(skippedText(what, cause), { cause });
    }
  };

  /** How often the value was folded again since the stream was last stable. */
  let folds = 0;
  let foldedAt = 0;

  function subscribe(
    channel: string,
    listener: (data: unknown, message: unknown) => void,
    { onGap, onStatus, ...options }: SseSubscribeOptions,
  ): () => string {
    let connection: SseConnection = { status: "idle" };
    /** What the new fold has reached; shown when it is complete. */
    let folding: { value: unknown } | undefined;
    let waiting: ReturnType<typeof setTimeout> | undefined;
    let endPing = (): string => "";
    let end = endPing;

    const start = (cursor: string | undefined): void => {
      folding = cursor === "earliest" ? { value: own.live.initial } : undefined;
      end = client.subscribe(channel, receive, {
        ...options,
        cursor,
        onGap(gap) {
          onGap?.(gap);
          const isReplay = folding && waiting === undefined && gap.reason === "evicted";
          // The log keeps more than a stream sends, or less than before: all that there is follows.
          if (isReplay) folding = { value: own.live.initial };
          else foldLater();
        },
        onStatus(next) {
          connection = next;
          report();
        },
      });
      // On the same stream. Its first ping means that all older messages have arrived.
      if (folding) endPing = client.subscribe(channel, finish, { event: "ping", cursor });
    };

    const receive = (data: unknown, message: Received): void => {
      // What follows a gap is folded again, with what comes before it.
      if (waiting !== undefined) return;
      if (folding) folding.value = apply(folding.value, message);
      else listener(data, message);
    };

    const finish = (): void => {
      endPing();
      const { value } = folding as { value: unknown };
      folding = undefined;
      listener(value, FOLDED);
      report();
    };

    /** A value that lacks messages is not live. */
    const report = (): void => {
      const isIncomplete = folding || waiting !== undefined;
      const isEarly = isIncomplete && connection.status === "open";
      onStatus?.(isEarly ? { status: "connecting" } : connection);
    };

    /** Waits first: a log that restarts is a gap for all pages at once. */
    const foldLater = (): void => {
      if (waiting !== undefined) return;
      // A fold that lacks messages is not shown.
      endPing();
      if (Date.now() - foldedAt > STABLE_MS) folds = 0;
      const backoff = { maxMs: MAX_WAIT_MS, ...client[SETTINGS]?.backoff };
      waiting = startTimeout(
        () => {
          waiting = undefined;
          foldedAt = Date.now();
          endPing();
          end();
          start("earliest");
        },
        backoffMs(folds++, 0, backoff),
      );
      report();
    };

    start(options.cursor);
    return () => {
      const isComplete = !folding && waiting === undefined;
      clearTimeout(waiting);
      endPing();
      const cursor = end();
      return isComplete ? cursor : "earliest";
    };
  }

  return own;
}
