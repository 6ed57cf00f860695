/**
 * What matches the channels that a channel or pattern covers, and the pattern itself: the server's
 * `topicCovers` (a property test compares them) in less than half its size.
 */
export function matcherOf(topic: string): RegExp {
  const source = topic
    .replace(/\./g, "\\.")
    .replace(/\*+/g, (stars) => (stars[1] ? ".*" : "[^/]*"));
  return new RegExp(`^${source}$`);
}
