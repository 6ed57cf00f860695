import type { Feed } from "../core/backend.ts";
import { topicCovers } from "../core/channel-name.ts";
import { addTopic, createTopicIndex, removeTopic, visitTopics } from "../core/topic-index.ts";
import type { ChannelLoss } from "./loss-detection.ts";

/** The topics of this process, and their feeds. */
export interface NatsTopicRegistry {
  /** Whether there is any subscription. */
  readonly isEmpty: boolean;
  /** Returns the function that removes the feed. */
  add(topic: string, feed: Feed): () => void;
  visit(channel: string, visit: (feed: Feed) => void): void;
  covers(channel: string): boolean;
  /** Reports a loss to the feeds of the topics that it affects. */
  lose(loss: ChannelLoss): void;
  clear(): void;
}

export function createTopicRegistry(): NatsTopicRegistry {
  const index = createTopicIndex<Feed>();
  const topics = new Map<Feed, string>();

  return {
    get isEmpty() {
      return topics.size === 0;
    },
    add(topic, feed) {
      // A feed object for each subscription, because a caller may subscribe the same feed twice.
      const own: Feed = { message: (each) => feed.message(each), lost: (seq) => feed.lost(seq) };
      addTopic(index, topic, own);
      topics.set(own, topic);
      return () => {
        if (topics.delete(own)) removeTopic(index, topic, own);
      };
    },
    visit: (channel, visit) => visitTopics(index, channel, visit),
    covers(channel) {
      let isCovered = false;
      visitTopics(index, channel, () => (isCovered = true));
      return isCovered;
    },
    lose({ channel, seq }) {
      for (const [feed, topic] of topics) {
        if (channel === undefined || topicCovers(topic, channel)) feed.lost(seq);
      }
    },
    clear() {
      topics.clear();
      index.exact.clear();
    },
  };
}
