/**
 * Matches the channels that a channel or pattern covers, and the pattern itself. It does what the server's
 * `topicCovers` does, in less than half its size; a property test compares the two.
 */
export function matcherOf(topic: string): RegExp {
  const source = topic
    .replace(/\./g, "\\.")
    .replace(/\*+/g, (stars) => (stars[1] ? ".*" : "[^/]*"));
  return new RegExp(`^${source}$`);
}
