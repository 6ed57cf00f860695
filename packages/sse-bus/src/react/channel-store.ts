import type { SseClientError } from "../client/client-error.ts";
import type { SseClient, SseConnection } from "../client/client-types.ts";
import { isSseBusError } from "../core/errors.ts";
import type { Gap } from "../core/packet.ts";
import { nextFrame } from "./next-frame.ts";

/** What a channel's hook renders. A new object whenever something changed. */
export interface ChannelView {
  readonly connection: SseConnection;
  readonly data: unknown;
  readonly gap: Gap | undefined;
}

/** The parts of the hook's options that may change at every render. */
export interface ChannelCallbacks {
  readonly event?: string | undefined;
  readonly onMessage?: ((data: never, message: never) => void) | undefined;
  readonly onGap?: ((gap: Gap) => void) | undefined;
  readonly select?: ((data: never, message: never) => unknown) | undefined;
  readonly reduce?: ((state: never, data: never, message: never) => unknown) | undefined;
  readonly keep?: number | undefined;
}

/** One hook's view of one channel, outside of React. */
export interface ChannelStore {
  callbacks: ChannelCallbacks;
  subscribe(notify: () => void): () => void;
  snapshot(): ChannelView;
  /** What a server renders and hydration starts from: whatever the page's connection does by then. */
  serverSnapshot(): ChannelView;
}

export interface ChannelStoreOptions {
  readonly channel: string;
  readonly initial: unknown;
  readonly cursor: string | undefined;
  readonly callbacks: ChannelCallbacks;
}

/**
 * Messages change the state at once and the page at most once a frame; `onMessage` hears each. What
 * one subscription has reached, the next goes on from: StrictMode's second mount, a Suspense
 * boundary that hides and shows, `enabled` switched off and on.
 */
export function createChannelStore(
  client: SseClient,
  { channel, initial, cursor: start, callbacks }: ChannelStoreOptions,
): ChannelStore {
  let cursor = start;
  const first: ChannelView = { connection: { status: "idle" }, data: initial, gap: undefined };
  let current = first;
  let pending = first;

  const store: ChannelStore = {
    callbacks,
    snapshot: () => current,
    serverSnapshot: () => first,
    subscribe(notify) {
      const show = (): void => {
        if (current === pending) return;
        current = pending;
        notify();
      };
      const frame = nextFrame(show);
      let unsubscribe = (): string => "";
      try {
        unsubscribe = client.subscribe(
          channel,
          (data: unknown, message: unknown) => {
            pending = { ...pending, data: accept(store.callbacks, pending.data, data, message) };
            frame.request();
            store.callbacks.onMessage?.(data as never, message as never);
          },
          {
            ...(callbacks.event !== undefined && { event: callbacks.event }),
            ...(cursor && { cursor }),
            onGap(gap) {
              pending = { ...pending, gap };
              frame.request();
              store.callbacks.onGap?.(gap);
            },
            onStatus(connection) {
              pending = { ...pending, connection };
              frame.request();
            },
          },
        );
      } catch (error) {
        // This runs in an effect: thrown there, a bad channel would take the whole page down.
        if (!isSseBusError(error)) throw error;
        const connection: SseConnection = { status: "failed", error: error as SseClientError };
        pending = { ...pending, connection };
      }
      // The client has told the status of this subscription, which may not be the connection's.
      current = pending;
      return () => {
        frame.cancel();
        cursor = unsubscribe() || cursor;
        // What came in the last frame is shown by whoever subscribes next.
        current = pending;
      };
    },
  };
  return store;
}

function accept(
  { select, reduce, keep }: ChannelCallbacks,
  state: unknown,
  data: unknown,
  message: unknown,
): unknown {
  if (reduce) return reduce(state as never, data as never, message as never);
  const value = select ? select(data as never, message as never) : data;
  if (keep === undefined) return value;
  return [...((state as unknown[] | undefined) ?? []), value].slice(-keep);
}
