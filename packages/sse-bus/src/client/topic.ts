/**
 * Makes the test whether a channel or pattern covers a channel, or another pattern. The same rule as
 * the server's `topicCovers` (a property test compares them) in half its size.
 */
export function matcherOf(topic: string): (name: string) => boolean {
  const source = topic.replace(/\*\*|[*.]/g, (part) => PARTS[part] as string);
  const pattern = new RegExp(`^${source}$`);
  return (name) => name === topic || pattern.test(name);
}

const PARTS: Record<string, string> = { "**": ".*", "*": "[^/]*", ".": "\\." };
