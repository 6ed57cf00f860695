import type { Feed } from "../core/backend.ts";
import { isPattern, isReserved, topicCovers } from "../core/channel-name.ts";
import { addTopic, createTopicIndex, removeTopic, visitTopics } from "../core/topic-index.ts";

/** The topics of this process, and their feeds. */
export interface PostgresTopicRegistry {
  add(topic: string, feed: Feed): () => void;
  visit(channel: string, visit: (feed: Feed) => void): void;
  /** Reports losses to the feeds: the horizons of channels, and `floor` for channels not listed. */
  lose(horizons: ReadonlyMap<string, number>, floor: number): void;
  /** Which messages the server must send. */
  filter(): TopicFilter;
}

export interface TopicFilter {
  /** There are no subscriptions. */
  readonly isEmpty: boolean;
  /** An array literal. NULL together with `pattern` selects all channels that are not reserved. */
  readonly channels: string | null;
  /** A regular expression. */
  readonly pattern: string | null;
}

/** In the list of channels: every reserved channel. In the horizons: those that are not listed. */
const ALL_RESERVED = "~";

/** With more topics, receiving all messages is cheaper than sending the list with each read. */
const MAX_FILTERED = 100;

interface Subscription {
  readonly topic: string;
  readonly feed: Feed;
}

export function createTopicRegistry(): PostgresTopicRegistry {
  const index = createTopicIndex<Subscription>();
  const subscriptions = new Set<Subscription>();
  let filter: TopicFilter | undefined;

  return {
    add(topic, feed) {
      // An object for each subscription, because a caller may subscribe the same feed twice.
      const subscription = { topic, feed };
      subscriptions.add(subscription);
      addTopic(index, topic, subscription);
      filter = undefined;
      return () => {
        if (!subscriptions.delete(subscription)) return;
        removeTopic(index, topic, subscription);
        filter = undefined;
      };
    },
    visit: (channel, visit) => visitTopics(index, channel, ({ feed }) => visit(feed)),
    lose(horizons, floor) {
      for (const { topic, feed } of subscriptions) {
        const seq = horizonOf(topic, horizons, floor);
        if (seq > 0) feed.lost(seq);
      }
    },
    filter: () =>
      (filter ??= createFilter(new Set(Array.from(subscriptions, ({ topic }) => topic)))),
  };
}

/** The pattern as a Postgres regular expression. It matches no reserved channel. */
export function patternRegex(pattern: string): string {
  const segments = pattern.split("/").map((segment) => {
    if (segment === "**") return ".*";
    return segment === "*" ? "[^/]*" : segment.replaceAll(".", "\\.");
  });
  // Only such patterns could match a reserved channel. Without the lookahead, an index can find the others.
  const guard = /^[*~]/.test(pattern) ? "(?!~)" : "";
  return `^${guard}(?:${segments.join("/")})$`;
}

function createFilter(topics: ReadonlySet<string>): TopicFilter {
  if (topics.size === 0) return { isEmpty: true, channels: null, pattern: null };
  const reserved = [...topics].filter(isReserved);
  const ordinary = [...topics].filter((topic) => !isReserved(topic));
  const listed = reserved.length > MAX_FILTERED ? [ALL_RESERVED] : reserved;
  if (ordinary.length > MAX_FILTERED || topics.has("**")) {
    if (listed.length === 0) return { isEmpty: false, channels: null, pattern: null };
    return { isEmpty: false, channels: arrayOf(listed), pattern: "" };
  }
  const exact = ordinary.filter((topic) => !isPattern(topic));
  const patterns = ordinary.filter(isPattern).map(patternRegex);
  return {
    isEmpty: false,
    channels: arrayOf([...listed, ...exact]),
    pattern: patterns.length > 0 ? patterns.join("|") : null,
  };
}

function arrayOf(names: readonly string[]): string {
  return `{${names.map((name) => `"${name}"`).join(",")}}`;
}

function horizonOf(topic: string, horizons: ReadonlyMap<string, number>, floor: number): number {
  if (isReserved(topic)) return horizons.get(topic) ?? horizons.get(ALL_RESERVED) ?? 0;
  if (!isPattern(topic)) return horizons.get(topic) ?? floor;
  let newest = floor;
  for (const [channel, seq] of horizons) {
    if (seq > newest && topicCovers(topic, channel)) newest = seq;
  }
  return newest;
}
