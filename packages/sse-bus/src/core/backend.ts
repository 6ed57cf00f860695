import type { HistoryResolver } from "./history.ts";
import type { LogMessage, MessageContent } from "./message.ts";
import type { Cursor } from "./position.ts";

/**
 * A backend stores the log of a bus. Buses of several processes can share one log: then they are one
 * bus. `testBackend` from `sse-bus/testing` checks every MUST below.
 *
 * Names that begin with `~` are reserved: the bus's own features use such channels, on the same log and in
 * the same order. A backend treats them like every other channel, with three exceptions:
 *
 * - No pattern covers them. {@link Backend.subscribe} and {@link Backend.read} of a pattern MUST leave their
 *   messages out; see `topicCovers`.
 * - What they drop MUST NOT raise the horizon of a pattern or of any other channel, also not when the backend
 *   forgets them. Otherwise readers that lost nothing would get a gap.
 * - Their names have up to 220 characters. The names of other channels have up to 200.
 *
 * Their limits come from {@link BackendHost.history}, too. They differ from those of the application.
 */
export interface Backend {
  /** Shown by `/api/health` and in errors, for example `redis`. */
  readonly name: string;

  /**
   * Connects. Called before any other method, and again after it rejected: a later attempt MUST be able
   * to succeed. MUST reject with `BACKEND_UNAVAILABLE` when the server cannot be reached. An attempt
   * that rejects MUST leave nothing open.
   */
  open(host: BackendHost): Promise<void>;

  /**
   * Publishes a message: assigns its position, stores it and announces it, in one atomic step. MUST
   * resolve only once the message is stored. When it rejects, nothing is stored, with one exception: it
   * MUST reject with `BACKEND_UNAVAILABLE` when the server is unreachable, even if only the answer was lost and
   * the message may be stored.
   *
   * The second publish of an `id` on the same channel MUST store nothing and return the first result,
   * marked as `duplicate`: a publisher that lost the answer publishes again. The same `id` on another
   * channel is a different one.
   */
  publish(message: NewMessage): Promise<Stored>;

  /**
   * Publishes a message in `tx`, an open transaction of the caller. Leave it out if the log is not in
   * the caller's database; the bus then refuses `tx`.
   *
   * The message MUST be announced when, and only when, the transaction commits. Its position MUST be
   * after those of all messages that were committed before it. The second publish of an `id` on the
   * same channel MUST store nothing.
   *
   * Errors of the transaction itself (a conflict, a lost connection) SHOULD be thrown unchanged, because
   * callers decide by them whether to retry.
   */
  publishIn?(tx: unknown, message: NewMessage): Promise<Stored | Pending>;

  /**
   * Publishes messages in the order given, at most {@link MAX_BATCH_MESSAGES}: the position of each new message
   * MUST be after those of the new messages before it. What {@link publish} says about ids goes for each of
   * them; of two messages with the same id on one channel, the second repeats the first. It SHOULD take one
   * round trip, and deliver all messages in one turn of the event loop.
   *
   * If the log can store several messages as one, it MUST store all of them or none. When it rejects, nothing is
   * stored; with `BACKEND_UNAVAILABLE`, all of them may be stored or none, as for {@link publish}.
   *
   * If the log cannot do that, it MUST NOT reject once a message may be stored. It MUST resolve with
   * {@link NotStored} in the place of each message that is not known to be stored.
   *
   * Leave it out, and the bus publishes one message after the other until one fails.
   */
  publishMany?(messages: readonly NewMessage[]): Promise<readonly Outcome[]>;

  /**
   * Publishes messages in `tx`, in the order given; see {@link publishIn}. Without it, the bus calls
   * {@link publishIn} for one after the other.
   */
  publishManyIn?(
    tx: unknown,
    messages: readonly NewMessage[],
  ): Promise<readonly (Stored | Pending)[]>;

  /**
   * Starts live delivery of a channel or pattern. MUST resolve only once delivery is live, with a
   * cursor: every message after it is delivered, and every message at or before it is history, for
   * {@link read}.
   *
   * The cursor MUST NOT be ahead of {@link head}. A reader of several topics starts at the newest of
   * their cursors; a message that another topic delivers later would be before that start, and lost.
   *
   * All subscriptions of a bus MUST deliver in one order, that of positions. Once a message was
   * delivered to any of them, an older one MUST NOT be delivered to another.
   */
  subscribe(topic: string, feed: Feed): Promise<TopicSubscription>;

  /** Everything that is kept of a channel or pattern now, oldest first. */
  read(topic: string): Promise<History>;

  /**
   * The next page of what is kept of a channel, oldest first: the messages after `after` whose sizes add up to about
   * `maxBytes`, and at least one if there is any. Leave it out if a page costs as much as the whole: then
   * {@link read} is called instead.
   *
   * A page MUST NOT leave out a message that `read` would give between two of its own.
   */
  readAfter?(channel: string, after: number, maxBytes: number): Promise<ChannelPage>;

  /**
   * The head: the newest position ever assigned in this epoch. MUST be read from the log itself.
   *
   * Positions MUST NOT repeat or go back, in `seq` or in `time`, whatever is deleted: by retention, by a
   * limit, or by an operator. So do not compute the head from the messages that remain: once the newest
   * is deleted, the next message would get a position that readers have passed, and they would miss it
   * without a gap.
   */
  readHead(): Promise<Cursor>;

  /**
   * The proven head: every message up to it was delivered to every live subscription. Heartbeats send
   * it to clients, so it MUST NOT run ahead. It MUST NOT move while the server is unreachable.
   */
  head(): Cursor;

  /**
   * The log's clock, in ms since 1970: the one that the times of positions come from, or slightly behind
   * it. Ages are computed with it, because the clocks of machines differ. @default this machine's clock
   */
  now?(): number;

  /** Bytes of history that the backend itself holds in this process, if any; for metrics. */
  heldBytes?(): number;

  /** Disconnects. MUST be idempotent and leave no timer, socket or subscription open. */
  close(): Promise<void>;
}

/** How many messages one call of `publishMany` may have. */
export const MAX_BATCH_MESSAGES = 1000;

/** What a bus gives its backend, and what the backend reports to it. */
export interface BackendHost {
  /** How much each channel keeps. MUST be asked for every channel by its name. */
  readonly history: HistoryResolver;
  /** Bytes of history in all, as far as this process holds it. */
  readonly maxHistoryBytes: number;
  /** Reports a failure in the background: it MUST be neither thrown nor ignored. */
  onError(error: Error): void;
  /** Reports that the server is lost (`down`), or is back and nothing is missing (`up`). */
  onStatus(status: BackendStatus): void;
  /**
   * Reports that the log lost its data and has a new epoch. Every reader then gets a gap, and the bus
   * reads every topic again.
   *
   * At the time of the call, `head()` and `read()` MUST answer from the new log. Live subscriptions
   * continue, and MUST deliver every message after that `head()`. A backend that finds a new epoch MUST
   * call this before it gives any answer of that epoch; otherwise the bus would take history of the new
   * log for that of the old one.
   */
  onRestart(): void;
}

export type BackendStatus = "up" | "down";

/** Where a subscription delivers. */
export interface Feed {
  message(message: LogMessage): void;
  /** Messages up to `seq` could not be recovered after an outage: readers behind it get a gap. */
  lost(seq: number): void;
}

/** A live subscription. */
export interface TopicSubscription {
  readonly cursor: Cursor;
  /** MUST be idempotent. No message is delivered after it. */
  close(): void;
}

/** A message to publish. */
export interface NewMessage extends MessageContent {
  /**
   * The idempotency id: 1 to 401 characters without CR and NUL, compared exactly. LF separates the
   * publisher from the id that it gave.
   */
  readonly id: string | undefined;
}

/** The position of a stored message. */
export interface Stored extends Cursor {
  readonly channel: string;
  /** The idempotency id was published before. This is the first message's position; nothing was stored. */
  readonly duplicate: boolean;
}

/** A message that gets its position once its transaction commits. */
export interface Pending {
  readonly pending: true;
  readonly channel: string;
  /** The idempotency id was published before, and that message has no position yet; nothing was stored. */
  readonly duplicate: boolean;
}

/** A message of a batch that is not known to be stored. It may be, if the code is `BACKEND_UNAVAILABLE`. */
export interface NotStored {
  readonly error: Error;
}

/** What has become of a message of a batch. */
export type Outcome = Stored | NotStored;

/** A part of what is kept of a channel. */
export interface ChannelPage {
  readonly messages: readonly LogMessage[];
  /** Nothing is kept after it. */
  readonly isLast: boolean;
}

/** What is kept of a channel or pattern. */
export interface History {
  readonly messages: readonly LogMessage[];
  /** The horizon: the newest `seq` that was ever dropped of it, 0 if none. */
  readonly horizon: number;
}
