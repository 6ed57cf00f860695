import type { Backend, Subscription } from "./backend.ts";
import { isPattern } from "./channel-name.ts";
import { type ChannelLog, dropOldest, enforceLimits, prependHistory } from "./channel-log.ts";
import type { HistoryLimits, HistoryResolver } from "./history.ts";
import { freeLog, type LogStore, openLog, storeMessage, touchLog, track } from "./log-store.ts";
import type { LogMessage } from "./message.ts";

/**
 * A channel or pattern that somebody in this process reads: a window on the backend's log, fed by
 * one upstream subscription however many readers there are.
 */
export interface Topic {
  readonly name: string;
  readonly log: ChannelLog;
  readonly store: LogStore;
  /** Readers' groups that want to hear of it. */
  readonly groups: Set<{ topicChanged(topic: Topic): void }>;
  /** Resolves when live; the window is complete after the subscription's cursor from then on. */
  readonly live: Promise<Subscription>;
  users: number;
  /** Nobody reads it any more; what still arrives must not bring its freed window back. */
  isClosed: boolean;
  /** The one read of the backend's history, for all who need older messages. */
  hydration: Promise<void> | undefined;
}

export function openTopic(backend: Backend, store: LogStore, name: string): Topic {
  const log = openLog(store, name);
  // Complete after nothing yet: whoever reads before the subscription is live must wait for it.
  log.base = Number.MAX_SAFE_INTEGER;
  log.settled = 0;
  const topic: Topic = {
    name,
    log,
    store,
    groups: new Set(),
    users: 0,
    isClosed: false,
    hydration: undefined,
    live: backend
      .subscribe(name, {
        message: (message) => acceptMessage(topic, message),
        lost: (seq) => acceptLoss(topic, seq),
      })
      .then((subscription) => {
        log.base = subscription.cursor.seq;
        log.baseTime = subscription.cursor.time;
        return subscription;
      }),
  };
  // Whoever opens a reader awaits `live` and hears of a failure; an unread rejection must not crash.
  topic.live.catch(() => {});
  return topic;
}

/** Reads the topic's whole kept history into the window, once for all who ask meanwhile and later. */
export function hydrateTopic(topic: Topic, backend: Backend): Promise<void> {
  topic.hydration ??= topic.live
    .then(() => backend.read(topic.name))
    .then(({ messages, horizon }) => {
      if (topic.isClosed) return;
      // What came live since then is in the window; what it has dropped meanwhile stays dropped.
      track(topic.store, topic.log, () => prependHistory(topic.log, messages, horizon));
    })
    .catch((error: unknown) => {
      topic.hydration = undefined;
      throw error;
    });
  return topic.hydration;
}

/** Everything in the window has been offered to the readers at the head: limits apply again. */
export function settleTopic(topic: Topic, seq: number): void {
  const { log, store } = topic;
  log.settled = Math.max(log.settled, seq);
  track(store, log, () => enforceLimits(log, Date.now()));
}

/**
 * Empties the window after the log started anew; it must be hydrated before it is read. The feed
 * goes on after `seq` of the new log.
 */
export function resetTopic(topic: Topic, seq: number): void {
  const { log, store } = topic;
  log.settled = Number.MAX_SAFE_INTEGER;
  track(store, log, () => {
    while (dropOldest(log));
  });
  log.base = seq;
  log.settled = 0;
  log.byKey?.clear();
  topic.hydration = undefined;
}

/** Ends the upstream subscription and frees the window. */
export function closeTopic(topic: Topic): void {
  topic.isClosed = true;
  topic.log.settled = Number.MAX_SAFE_INTEGER;
  freeLog(topic.store, topic.log);
  topic.live.then(
    (subscription) => subscription.close(),
    () => {},
  );
}

/**
 * The limits of windows. A pattern's window holds many channels, each with limits of its own in the
 * backend; here only age and the store's total bound it.
 */
export function windowLimits(resolve: HistoryResolver): HistoryResolver {
  return (topic: string): HistoryLimits =>
    isPattern(topic)
      ? {
          maxMessages: Number.POSITIVE_INFINITY,
          maxBytes: Number.POSITIVE_INFINITY,
          maxAgeMs: resolve("").maxAgeMs,
        }
      : resolve(topic);
}

function acceptMessage(topic: Topic, message: LogMessage): void {
  if (topic.isClosed) return;
  storeMessage(topic.store, topic.log, message, Date.now());
  for (const group of topic.groups) group.topicChanged(topic);
}

function acceptLoss(topic: Topic, seq: number): void {
  const { log, store, isClosed } = topic;
  if (isClosed) return;
  touchLog(store, log);
  log.base = Math.max(log.base, seq);
  for (const group of topic.groups) group.topicChanged(topic);
}
