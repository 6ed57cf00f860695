import type { Feed } from "../core/backend.ts";
import { isPattern, topicCovers } from "../core/channel-name.ts";
import { addTopic, createTopicIndex, removeTopic, visitTopics } from "../core/topic-index.ts";

/** The topics that this process reads, and who reads them. */
export interface Topics {
  add(topic: string, feed: Feed): () => void;
  visit(channel: string, visit: (feed: Feed) => void): void;
  /** Tells feeds of losses: a channel's horizon, and the horizon of channels that are not named. */
  lose(horizons: ReadonlyMap<string, number>, floor: number): void;
  /** What the server has to send. */
  filter(): TopicFilter;
}

export interface TopicFilter {
  /** Nobody reads anything. */
  readonly isEmpty: boolean;
  /** An array literal; NULL together with `pattern` asks for everything. */
  readonly channels: string | null;
  /** A regular expression. */
  readonly pattern: string | null;
}

/** With more topics than this it is cheaper to be sent everything than to send them each time. */
const MAX_FILTERED = 100;

interface Entry {
  readonly topic: string;
  readonly feed: Feed;
}

export function createTopics(): Topics {
  const index = createTopicIndex<Entry>();
  const entries = new Set<Entry>();
  let filter: TopicFilter | undefined;

  return {
    add(topic, feed) {
      // An entry of its own, since a feed may be given twice.
      const entry = { topic, feed };
      entries.add(entry);
      addTopic(index, topic, entry);
      filter = undefined;
      return () => {
        if (!entries.delete(entry)) return;
        removeTopic(index, topic, entry);
        filter = undefined;
      };
    },
    visit: (channel, visit) => visitTopics(index, channel, ({ feed }) => visit(feed)),
    lose(horizons, floor) {
      for (const { topic, feed } of entries) {
        const seq = horizonOf(topic, horizons, floor);
        if (seq > 0) feed.lost(seq);
      }
    },
    filter: () => (filter ??= createFilter(new Set(Array.from(entries, ({ topic }) => topic)))),
  };
}

/** The pattern as a regular expression of Postgres. */
export function patternRegex(pattern: string): string {
  const segments = pattern.split("/").map((segment) => {
    if (segment === "**") return ".*";
    return segment === "*" ? "[^/]*" : segment.replaceAll(".", "\\.");
  });
  return `^(?:${segments.join("/")})$`;
}

function createFilter(topics: ReadonlySet<string>): TopicFilter {
  if (topics.size === 0) return { isEmpty: true, channels: null, pattern: null };
  if (topics.size > MAX_FILTERED || topics.has("**")) {
    return { isEmpty: false, channels: null, pattern: null };
  }
  const exact = [...topics].filter((topic) => !isPattern(topic)).map((name) => `"${name}"`);
  const patterns = [...topics].filter(isPattern).map(patternRegex);
  return {
    isEmpty: false,
    channels: `{${exact.join(",")}}`,
    pattern: patterns.length > 0 ? patterns.join("|") : null,
  };
}

function horizonOf(topic: string, horizons: ReadonlyMap<string, number>, floor: number): number {
  if (!isPattern(topic)) return horizons.get(topic) ?? floor;
  let newest = floor;
  for (const [channel, seq] of horizons) {
    if (seq > newest && topicCovers(topic, channel)) newest = seq;
  }
  return newest;
}
