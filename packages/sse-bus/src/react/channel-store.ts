import type { SseClientError } from "../client/client-error.ts";
import type { SseClient, SseConnection } from "../client/client-types.ts";
import { isSseBusError } from "../core/errors.ts";
import type { Gap } from "../core/packet.ts";
import { nextFrame } from "./next-frame.ts";

/** What the hook of a channel renders. A new object after each change. */
export interface ChannelView {
  readonly connection: SseConnection;
  readonly data: unknown;
  readonly gap: Gap | undefined;
}

/** The options of the hook that may change with every render. */
export interface ChannelCallbacks {
  readonly event?: string | undefined;
  readonly onMessage?: ((data: never, message: never) => void) | undefined;
  readonly onGap?: ((gap: Gap) => void) | undefined;
  readonly select?: ((data: never, message: never) => unknown) | undefined;
  readonly reduce?: ((state: never, data: never, message: never) => unknown) | undefined;
  readonly keep?: number | undefined;
}

/** The state of one hook, outside of React. */
export interface ChannelStore {
  callbacks: ChannelCallbacks;
  subscribe(notify: () => void): () => void;
  snapshot(): ChannelView;
  /** What the server renders. Hydration starts from it, even if the page is connected by then. */
  serverSnapshot(): ChannelView;
}

export interface ChannelStoreOptions {
  readonly channel: string;
  readonly initial: unknown;
  readonly cursor: string | undefined;
  readonly callbacks: ChannelCallbacks;
}

/**
 * Messages change the state at once, and the page at most once a frame; `onMessage` gets each of them. A
 * later subscription continues from the cursor of the one before: after StrictMode's second mount, a
 * Suspense boundary that hides its content and shows it again, or `enabled` switched off and on.
 */
export function createChannelStore(
  client: Pick<SseClient, "subscribe">,
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
        // This runs in an effect: an error thrown here would unmount the whole page.
        if (!isSseBusError(error)) throw error;
        const connection: SseConnection = { status: "failed", error: error as SseClientError };
        pending = { ...pending, connection };
      }
      // `onStatus` has been called with the status of this subscription, so it can be rendered now.
      current = pending;
      return () => {
        frame.cancel();
        cursor = unsubscribe() || cursor;
        // The next subscription shows what came in the last frame.
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
