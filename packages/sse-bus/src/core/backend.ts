import type { HistoryResolver } from "./history.ts";
import type { LogMessage, MessageContent } from "./message.ts";
import type { Cursor } from "./position.ts";

/**
 * A backend is the durable, shared log of a bus; several buses (processes) may stand on one.
 * `testBackend` from `sse-bus/testing` checks every MUST below.
 */
export interface Backend {
  /** Shown by `/api/health` and in errors: `memory`, `redis`. */
  readonly name: string;

  /**
   * Connects. Called before anything else, and again when it has rejected: a later attempt MUST be
   * able to succeed. MUST reject with `BACKEND_UNAVAILABLE` when the server cannot be reached, and
   * leave nothing behind then.
   */
  open(host: BackendHost): Promise<void>;

  /**
   * MUST assign the position, store and announce the message as one atomic step, or reject and
   * leave nothing behind; MUST resolve only once the message is stored; MUST reject with
   * `BACKEND_UNAVAILABLE` when the server is away, also when only the answer was lost and the message
   * may be stored. An `id` seen before on the same channel MUST return the first result, as
   * `duplicate`, and store nothing: so a publisher in doubt tries again. An `id` belongs to its
   * channel: the same one on another channel is another id, and MUST NOT be found.
   */
  publish(entry: NewMessage): Promise<Stored>;

  /**
   * Stores the message as part of `tx`, an open transaction of the caller's; left out where the log
   * is not in the caller's database, and `publish` with `tx` is then refused. The message MUST be
   * announced when, and only when, the transaction commits, and its position MUST be after those of
   * all messages that were committed before it. An `id` seen before on the same channel MUST store
   * nothing.
   *
   * What the transaction itself fails with (a conflict, a lost connection) SHOULD be thrown as it
   * is: callers retry by it.
   */
  publishIn?(tx: unknown, entry: NewMessage): Promise<Stored | Pending>;

  /**
   * Starts live delivery of a channel or pattern. MUST resolve only when it is live, with a cursor
   * after which no message is missed; what is at or before it is history, for {@link read}. The
   * cursor MUST NOT be ahead of {@link head}: a reader of several topics starts at the newest of
   * their cursors, and what another topic was handed later would be behind it and lost.
   *
   * All subscriptions of a bus MUST deliver in one order, that of positions: when a message has
   * been handed to any of them, none with an older position may follow on another.
   */
  subscribe(topic: string, feed: Feed): Promise<TopicSubscription>;

  /** Everything kept of a topic, oldest first, up to this moment. */
  read(topic: string): Promise<History>;

  /**
   * The head: the greatest position that was ever given in this epoch. MUST be read from the log
   * itself.
   *
   * Positions MUST NOT repeat or go back, in `seq` or in `time`, whatever is deleted: by retention,
   * by a limit, or by an operator. A head that is computed from the messages that remain goes back
   * with the newest of them; the next message then gets a position that readers have passed, and is
   * lost without a gap.
   */
  readHead(): Promise<Cursor>;

  /**
   * The newest position that is proven to be reached: everything up to it, on every live
   * subscription, has been handed over. Goes into heartbeats, so it MUST NOT run ahead. While the
   * server is away it MUST stand still.
   */
  head(): Cursor;

  /**
   * The log's clock, in ms since 1970: that of which positions have their times, or a little behind
   * it. Ages are measured by it, since machines' clocks differ. @default this machine's clock
   */
  now?(): number;

  /** Bytes of history that the backend itself holds in this process, if it holds any; for metrics. */
  heldBytes?(): number;

  /** MUST be idempotent and leave no timer, socket or listener behind. */
  close(): Promise<void>;
}

/** What a bus tells its backend, and what the backend reports to it. */
export interface BackendHost {
  /** How much each channel keeps. */
  readonly history: HistoryResolver;
  /** Bytes of history in all, as far as this process holds it. */
  readonly maxHistoryBytes: number;
  /** Failures in the background; never thrown, never swallowed. */
  onError(error: Error): void;
  /** The server was lost (`down`) or is back with nothing missing (`up`). */
  onStatus(status: BackendStatus): void;
  /**
   * The log lost its data and started anew (its epoch changed). Every reader is told of a gap, and
   * every topic is read again from the new log. By the time of the call `head()` and `read()`
   * MUST speak of the new log; live subscriptions go on and MUST be fed whatever comes after that
   * `head()`.
   *
   * A backend that finds a new epoch MUST call this before it gives an answer of that epoch: history
   * of the new log would otherwise be taken for more of the old one's.
   */
  onRestart(): void;
}

export type BackendStatus = "up" | "down";

/** Where a subscription's messages go. */
export interface Feed {
  message(message: LogMessage): void;
  /** Messages up to `seq` could not be recovered after an outage: readers behind it get a gap. */
  lost(seq: number): void;
}

/** A live subscription. `close` is idempotent; no message follows it. */
export interface TopicSubscription {
  readonly cursor: Cursor;
  close(): void;
}

/**
 * A record to publish. `id` is the idempotency id: 1 to 401 characters without CR and NUL, compared
 * exactly. It may hold LF, which separates who publishes from the id that they gave.
 */
export interface NewMessage extends MessageContent {
  readonly id: string | undefined;
}

/** Where a message stands in the log. */
export interface Stored extends Cursor {
  readonly channel: string;
  /** The idempotency id had been seen: this is the first message's place, nothing was stored. */
  readonly duplicate: boolean;
}

/** A message that gets its place after its transaction has been committed. */
export interface Pending {
  readonly pending: true;
  readonly channel: string;
  /** The idempotency id had been seen, on a message that has no place yet: nothing was stored. */
  readonly duplicate: boolean;
}

/** What is kept of a topic. */
export interface History {
  readonly messages: readonly LogMessage[];
  /** The horizon: the newest `seq` that this topic has ever dropped, 0 if none. */
  readonly horizon: number;
}
