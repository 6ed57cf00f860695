import type { Stored } from "../backend.ts";
import type { BusInternals } from "../bus-internals.ts";
import { CONTROL_CHANNEL } from "../channel-name.ts";
import { isOpen, newestHead } from "../engine.ts";
import { SseBusError } from "../errors.ts";
import type { Gap } from "../packet.ts";
import {
  publishReserved,
  type ReservedMessage,
  type ReservedStart,
  subscribeReserved,
} from "../reserved.ts";

/**
 * What instances tell each other travels through the log like everything else, on one reserved channel:
 * every instance receives it in the same order, with the same times. A process has one subscription to
 * it, opened with its first network stream or by the first feature that needs it.
 */
export interface ControlChannel {
  /**
   * Subscribes. Await it before anything that must not miss what is sent from now on. While the backend
   * is unavailable, the bus tries again. Idempotent.
   *
   * @throws SseBusError `BUS_CLOSED`
   */
  open(): Promise<ReservedStart>;
  /** The subscription is live. */
  readonly isLive: boolean;
  /**
   * Publishes a message, which all instances receive, this one too.
   *
   * @throws SseBusError `BACKEND_UNAVAILABLE`, `BUS_CLOSED`, `INVALID_DATA`, `MESSAGE_TOO_LARGE`
   */
  send(event: string, data: unknown, options?: { readonly id?: string }): Promise<Stored>;
  /**
   * Calls `listener` for each message of this event that was sent after {@link open} was called. Its data
   * comes from the network: check all of it.
   *
   * @returns a function that removes the listener
   */
  on(event: string, listener: ControlListener, options?: ListenOptions): () => void;
  /** Calls `listener` when messages of other instances may be missing. @returns removes it */
  onGap(listener: () => void): () => void;
  /**
   * Calls `listener` once the subscription is live, if it is not yet. All that is kept was delivered by then;
   * `hasAll` says that nothing of the last minute, at least, is missing.
   */
  onceLive(listener: (hasAll: boolean) => void): void;
}

export type ControlListener = (data: unknown, message: ReservedMessage) => void;

export interface ListenOptions {
  /** Also receive what the log kept when the channel was opened: the last minute, at least. */
  readonly withHistory?: boolean;
}

interface Entry {
  readonly listener: ControlListener;
  readonly withHistory: boolean;
}

/** Makes the control channel of a bus, without opening it. */
export function createControlChannel(internals: BusInternals): ControlChannel {
  const { engine, onError } = internals;
  const entries = new Map<string, Set<Entry>>();
  const gapListeners = new Set<() => void>();
  const liveListeners = new Set<(hasAll: boolean) => void>();
  let live: Promise<ReservedStart> | undefined;
  let isLive = false;
  /** Everything up to here was sent before the channel was opened. */
  let openedAt = Number.MAX_SAFE_INTEGER;
  let hasReceived = false;

  async function start(): Promise<ReservedStart> {
    if (isOpen(engine)) openedAt = newestHead(engine).seq;
    const options = { from: "earliest", onGap: receiveGap } as const;
    const subscription = subscribeReserved(internals, CONTROL_CHANNEL, receive, options);
    const started = await subscription.live;
    isLive = true;
    // The backend was not open, and so no stream was.
    if (openedAt === Number.MAX_SAFE_INTEGER) openedAt = started.seq;
    // Of a channel without messages, all are too old to be kept, or there never were any.
    const hasAll = started.from.seq === 0 || !hasReceived;
    for (const listener of liveListeners) call(() => listener(hasAll));
    liveListeners.clear();
    return started;
  }

  function receive(data: unknown, message: ReservedMessage): void {
    hasReceived = true;
    const isHistory = message.seq <= openedAt;
    for (const { listener, withHistory } of entries.get(message.event) ?? []) {
      if (withHistory || !isHistory) call(() => listener(data, message));
    }
  }

  function receiveGap({ reason }: Gap): void {
    // The positions of a new log start again.
    if (reason === "restarted") openedAt = 0;
    for (const listener of gapListeners) call(listener);
  }

  function call(run: () => void): void {
    try {
      run();
    } catch (cause) {
      const text = `A listener of "${CONTROL_CHANNEL}" threw; others continue.`;
      onError(new SseBusError("LISTENER_FAILED", text, { cause }));
    }
  }

  return {
    get isLive() {
      return isLive;
    },
    open: async () => (live ??= start()),
    send: async (event, data, options) =>
      publishReserved(internals, CONTROL_CHANNEL, event, data, options),
    on(event, listener, { withHistory = false } = {}) {
      const entry: Entry = { listener, withHistory };
      let set = entries.get(event);
      if (!set) entries.set(event, (set = new Set()));
      set.add(entry);
      return () => void set.delete(entry);
    },
    onGap(listener) {
      gapListeners.add(listener);
      return () => void gapListeners.delete(listener);
    },
    onceLive(listener) {
      if (!isLive) liveListeners.add(listener);
    },
  };
}
