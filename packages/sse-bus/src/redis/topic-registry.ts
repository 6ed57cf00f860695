import type { Feed, TopicSubscription } from "../core/backend.ts";
import type { LogMessage } from "../core/message.ts";
import type { Cursor } from "../core/position.ts";
import { addTopic, createTopicIndex, removeTopic, visitTopics } from "../core/topic-index.ts";

/** A topic with at least one subscription in this instance. */
export interface SubscribedTopic {
  readonly name: string;
  readonly feeds: Map<Feed, FeedState>;
  /** Its messages arrive, or are recovered after an outage. */
  isLive: boolean;
  /** The number of the head marker that proves it live; `undefined` until one is requested. */
  marker: number | undefined;
  /** The position of the newest message received, to detect a missing one. */
  last: number;
}

interface FeedState {
  /** Messages up to here are history for this feed. `Infinity` until the topic is live. */
  from: number;
  readonly resolve: (subscription: TopicSubscription) => void;
  readonly reject: (cause: Error) => void;
}

/** The topics of an instance, and their feeds. */
export interface RedisTopicRegistry {
  readonly all: ReadonlyMap<string, SubscribedTopic>;
  /** Adds a feed. `waiter.resolve` is called when its topic is live. */
  add(name: string, feed: Feed, waiter: Pick<FeedState, "resolve" | "reject">): SubscribedTopic;
  /** Removes a feed, and its topic with the last feed. */
  remove(topic: SubscribedTopic, feed: Feed): void;
  /** The topic is live from `cursor` on: resolves the subscriptions that wait for it. */
  goLive(topic: SubscribedTopic, cursor: Cursor): void;
  /** Whether a topic covers the channel. */
  isWanted(channel: string): boolean;
  /** Delivers a message to each feed that starts before it. */
  deliver(channel: string, message: LogMessage): void;
  /** The log restarted at `seq`: all later messages are new to every feed. */
  restart(seq: number): void;
}

export function createTopicRegistry(
  onRemoved: (topic: SubscribedTopic) => void,
): RedisTopicRegistry {
  const all = new Map<string, SubscribedTopic>();
  const index = createTopicIndex<SubscribedTopic>();

  const registry: RedisTopicRegistry = {
    all,
    add(name, feed, waiter) {
      let topic = all.get(name);
      if (!topic) {
        topic = { name, feeds: new Map(), isLive: false, marker: undefined, last: 0 };
        all.set(name, topic);
        addTopic(index, name, topic);
      }
      topic.feeds.set(feed, { from: Number.POSITIVE_INFINITY, ...waiter });
      return topic;
    },
    remove(topic, feed) {
      if (!topic.feeds.delete(feed) || topic.feeds.size > 0) return;
      all.delete(topic.name);
      removeTopic(index, topic.name, topic);
      onRemoved(topic);
    },
    goLive(topic, cursor) {
      topic.last = topic.isLive ? topic.last : cursor.seq;
      topic.isLive = true;
      for (const [feed, state] of topic.feeds) {
        if (state.from < Number.POSITIVE_INFINITY) continue;
        state.from = cursor.seq;
        state.resolve({ cursor, close: () => registry.remove(topic, feed) });
      }
    },
    isWanted(channel) {
      let isWanted = false;
      visitTopics(index, channel, () => void (isWanted = true));
      return isWanted;
    },
    deliver(channel, message) {
      visitTopics(index, channel, ({ feeds }) => {
        for (const [feed, { from }] of feeds) if (message.seq > from) feed.message(message);
      });
    },
    restart(seq) {
      for (const topic of all.values()) {
        topic.last = seq;
        for (const state of topic.feeds.values()) {
          if (state.from < Number.POSITIVE_INFINITY) state.from = seq;
        }
      }
    },
  };
  return registry;
}
