import type { Backend, TopicSubscription } from "./backend.ts";
import { isPattern } from "./channel-name.ts";
import {
  type TopicLog,
  dropAged,
  enforceLimits,
  loseUpTo,
  restartLog,
  startAfter,
} from "./topic-log.ts";
import type { HistoryLimits, HistoryResolver } from "./history.ts";
import {
  enforceTotal,
  freeLog,
  type LogStore,
  openLog,
  storeHistory,
  storeMessage,
  touchLog,
  track,
} from "./log-store.ts";
import type { LogMessage } from "./message.ts";
import type { Position } from "./position.ts";

/**
 * A channel or pattern that somebody in this process reads: a window on the backend's log, fed by
 * one upstream subscription however many readers there are.
 */
export interface Topic {
  readonly name: string;
  readonly log: TopicLog;
  readonly store: LogStore;
  /** Readers' cohorts that want to hear of it. */
  readonly cohorts: Set<{ topicChanged(topic: Topic): void }>;
  /** Resolves when live; the window is complete after the subscription's cursor from then on. */
  readonly live: Promise<TopicSubscription>;
  /** Once live, the window is complete after this position without any history being read. */
  since: Position;
  users: number;
  /** Messages that the feed has brought since somebody reads it. */
  received: number;
  /** Nobody reads it any more; what still arrives must not bring its freed window back. */
  isClosed: boolean;
  /** The one read of the backend's history, for all who need older messages. */
  hydration: Promise<void> | undefined;
}

export function openTopic(backend: Backend, store: LogStore, name: string): Topic {
  const log = openLog(store, name);
  enforceTotal(store, log);
  // Complete after nothing yet: whoever reads before the subscription is live must wait for it.
  log.horizon = Number.MAX_SAFE_INTEGER;
  log.settled = 0;
  const topic: Topic = {
    name,
    log,
    store,
    cohorts: new Set(),
    since: { seq: 0, time: 0 },
    users: 0,
    received: 0,
    isClosed: false,
    hydration: undefined,
    live: backend
      .subscribe(name, {
        message: (message) => acceptMessage(topic, message),
        lost: (seq) => acceptLoss(topic, seq),
      })
      .then((subscription) => {
        const { seq, time, epoch } = subscription.cursor;
        // If the log began anew in this very moment, the window has been begun with the new one.
        if (epoch === backend.head().epoch) {
          topic.since = { seq, time };
          track(store, log, () => startAfter(log, topic.since));
        }
        return subscription;
      }),
  };
  // Whoever opens a reader awaits `live` and hears of a failure; an unread rejection must not crash.
  topic.live.catch(() => {});
  return topic;
}

/**
 * Reads the topic's whole kept history into the window, once for all who ask meanwhile and later;
 * what has grown too old since is dropped, so that no newcomer is given it.
 */
export async function hydrateTopic(topic: Topic, backend: Backend): Promise<void> {
  await (topic.hydration ??= readHistory(topic, backend));
  if (topic.isClosed) return;
  const { log, store } = topic;
  track(store, log, () => dropAged(log, store.now()));
}

/** Everything in the window has been offered to the readers at the head: limits apply again. */
export function settleTopic(topic: Topic, seq: number): void {
  const { log, store } = topic;
  log.settled = Math.max(log.settled, seq);
  track(store, log, () => enforceLimits(log, store.now()));
}

/**
 * Empties the window after the log started anew; it must be hydrated before it is read. The feed
 * goes on after `head` of the new log.
 */
export function resetTopic(topic: Topic, head: Position): void {
  const { log, store } = topic;
  topic.since = { seq: head.seq, time: head.time };
  track(store, log, () => restartLog(log, topic.since));
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

async function readHistory(topic: Topic, backend: Backend): Promise<void> {
  const { store, log } = topic;
  try {
    await topic.live;
    // `resetTopic` makes another one: what is under way then is the history of the log before.
    const { since } = topic;
    const history = await backend.read(topic.name);
    // What came live since then is in the window; what it has dropped meanwhile stays dropped.
    await storeHistory(store, log, history, () => !topic.isClosed && topic.since === since);
  } catch (error) {
    topic.hydration = undefined;
    throw error;
  }
}

function acceptMessage(topic: Topic, message: LogMessage): void {
  // What the feed itself has told as lost stays lost: the gap may have been told already.
  if (topic.isClosed || message.seq <= topic.log.evicted) return;
  topic.received++;
  storeMessage(topic.store, topic.log, message, topic.store.now());
  for (const cohort of topic.cohorts) cohort.topicChanged(topic);
}

function acceptLoss(topic: Topic, seq: number): void {
  const { log, store, isClosed } = topic;
  if (isClosed) return;
  touchLog(store, log);
  track(store, log, () => loseUpTo(log, { seq, time: store.now() }));
  for (const cohort of topic.cohorts) cohort.topicChanged(topic);
}
