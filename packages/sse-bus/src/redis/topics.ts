import type { Feed, TopicSubscription } from "../core/backend.ts";
import type { LogMessage } from "../core/message.ts";
import type { Cursor } from "../core/position.ts";
import { addTopic, createTopicIndex, removeTopic, visitTopics } from "../core/topic-index.ts";

/** A topic that somebody of this instance is subscribed to. */
export interface LiveTopic {
  readonly name: string;
  readonly feeds: Map<Feed, FeedState>;
  /** Everything after its feeds' beginnings is handed to them, or will be after an outage. */
  isLive: boolean;
  /** The number of the marker that proves it live, once one was sent. */
  mark: number | undefined;
  /** The newest position of the channel that was received, so that the next one shows a hole. */
  last: number;
}

interface FeedState {
  /** Messages up to here are history to it. */
  from: number;
  readonly resolve: (subscription: TopicSubscription) => void;
  readonly reject: (cause: Error) => void;
}

/** The topics of an instance and their feeds. */
export interface Topics {
  readonly all: ReadonlyMap<string, LiveTopic>;
  /** Adds a feed; `resolve` is called once its topic is live. */
  add(name: string, feed: Feed, waiter: Pick<FeedState, "resolve" | "reject">): LiveTopic;
  /** Removes a feed, and its topic with the last one. */
  remove(topic: LiveTopic, feed: Feed): void;
  /** The topic is live from `cursor` on: tells those who wait. */
  goLive(topic: LiveTopic, cursor: Cursor): void;
  /** Hands over a message to every feed that it is new to; makes it only if there is one. */
  hand(channel: string, seq: number, make: () => LogMessage): void;
  /** The log began anew at `seq`: everything after it is new to every feed. */
  restart(seq: number): void;
}

export function createTopics(onGone: (topic: LiveTopic) => void): Topics {
  const all = new Map<string, LiveTopic>();
  const index = createTopicIndex<LiveTopic>();

  const topics: Topics = {
    all,
    add(name, feed, waiter) {
      let topic = all.get(name);
      if (!topic) {
        topic = { name, feeds: new Map(), isLive: false, mark: undefined, last: 0 };
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
      onGone(topic);
    },
    goLive(topic, cursor) {
      topic.last = topic.isLive ? topic.last : cursor.seq;
      topic.isLive = true;
      for (const [feed, state] of topic.feeds) {
        if (state.from < Number.POSITIVE_INFINITY) continue;
        state.from = cursor.seq;
        state.resolve({ cursor, close: () => topics.remove(topic, feed) });
      }
    },
    hand(channel, seq, make) {
      let message: LogMessage | undefined;
      visitTopics(index, channel, ({ feeds }) => {
        for (const [feed, { from }] of feeds) {
          if (seq > from) feed.message((message ??= make()));
        }
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
  return topics;
}
