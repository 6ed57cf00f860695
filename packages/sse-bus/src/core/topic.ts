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
 * A channel or pattern that has a reader in this process. Its log is a window on the backend's log. All
 * readers share the window and its one subscription to the backend.
 */
export interface Topic {
  readonly name: string;
  readonly log: TopicLog;
  readonly store: LogStore;
  /** The cohorts to notify when the log changes. */
  readonly cohorts: Set<{ topicChanged(topic: Topic): void }>;
  /**
   * Resolves once the subscription is live. From then on, the window is complete after the subscription's
   * cursor.
   */
  readonly live: Promise<TopicSubscription>;
  /** Once live, the window is complete after this position, even before history is read. */
  since: Position;
  users: number;
  /** Messages that the feed has delivered since the topic was opened. */
  received: number;
  /** The topic has no readers and its window is freed. Messages that still arrive are ignored. */
  isClosed: boolean;
  /** The read of the backend's history, shared by all readers that need older messages. */
  hydration: Promise<void> | undefined;
}

export function openTopic(backend: Backend, store: LogStore, name: string): Topic {
  const log = openLog(store, name);
  enforceTotal(store, log);
  // No position counts as complete until the subscription is live, so readers must wait for it.
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
        // If the log restarted in between, `resetTopic` has already set the window to the new log.
        if (epoch === backend.head().epoch) {
          topic.since = { seq, time };
          track(store, log, () => startAfter(log, topic.since));
        }
        return subscription;
      }),
  };
  // Each opening reader awaits `live` and handles its rejection. Without readers, the rejection is unhandled,
  // and would end the process.
  topic.live.catch(() => {});
  return topic;
}

/**
 * Reads the topic's history into the window, once for all callers. Every call drops messages that have
 * expired since, so that no new reader receives them.
 */
export async function hydrateTopic(topic: Topic, backend: Backend): Promise<void> {
  await (topic.hydration ??= readHistory(topic, backend));
  if (topic.isClosed) return;
  const { log, store } = topic;
  track(store, log, () => dropAged(log, store.now()));
}

/** Readers at the head have been offered every message up to `seq`, so the limits apply to these messages. */
export function settleTopic(topic: Topic, seq: number): void {
  const { log, store } = topic;
  log.settled = Math.max(log.settled, seq);
  track(store, log, () => enforceLimits(log, store.now()));
}

/**
 * Empties the window after a restart of the log. Hydrate the topic before reading it. The feed continues
 * after `head` of the new log.
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
 * The limits of windows. A pattern's window holds many channels, and the backend applies the limits of each.
 * Only the maximum age and the store's total size limit the window itself.
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
    // `resetTopic` replaces `since`. A read that is still running then returns history of the old log.
    const { since } = topic;
    const history = await backend.read(topic.name);
    // Do not store the history if the topic closed or the log restarted during the read.
    await storeHistory(store, log, history, () => !topic.isClosed && topic.since === since);
  } catch (error) {
    topic.hydration = undefined;
    throw error;
  }
}

function acceptMessage(topic: Topic, message: LogMessage): void {
  // The feed reported this message as lost. Readers may already have the gap, so the message stays lost.
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
