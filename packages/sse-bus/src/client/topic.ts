/**
 * Matches the channels that a channel or pattern covers, and the pattern itself. It does what the server's
 * `topicCovers` does, in less than half its size; a property test compares the two. No pattern covers a
 * reserved channel.
 */
export function matcherOf(topic: string): RegExp {
  const source = nameOf(topic)
    .replace(/\./g, "\\.")
    .replace(/\*+/g, (stars) => (stars[1] ? ".*" : "[^/]*"));
  return new RegExp(`^${topic.includes("*") ? "(?!~)" : ""}${source}$`);
}

/**
 * The topic on which the presence of a channel is asked for. A subscription gets the members only from the
 * start of a stream, so each has a topic of its own, which no open stream serves.
 */
export function presenceTopic(channel: string): string {
  return `~presence/${channel}#${Math.random()}`;
}

/** What the server calls a topic when it refuses it: a channel, a pattern, or `~presence/` and a channel. */
export function nameOf(topic: string): string {
  return topic.replace(/#.*/, "");
}

/** The channel or pattern that a topic is about. */
export function channelOf(topic: string): string {
  return topic.replace(/^~presence\/(.*)#.*/, "$1");
}
