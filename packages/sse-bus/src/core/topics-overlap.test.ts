import fc from "fast-check";
import { expect, test } from "vitest";
import { isPattern, topicCovers } from "./channel-name.ts";
import { topicsOverlap } from "./topics-overlap.ts";

test.each([
  ["orders/42", "orders/42", true],
  ["orders/42", "orders/43", false],
  ["orders/*", "orders/42", true],
  ["orders/*", "orders/**", true],
  ["orders/*", "orders/42/lines", false],
  ["*/42", "orders/*", true],
  ["*/42", "orders/43", false],
  ["**", "orders", true],
  ["orders/**", "orders", false],
  ["orders/*/**", "*/42", false],
])("whether %s and %s overlap: %s", (a, b, expected) => {
  expect(topicsOverlap(a, b)).toBe(expected);
  expect(topicsOverlap(b, a)).toBe(expected);
});

test("two topics overlap exactly if there is a channel that both cover", () => {
  const segment = fc.constantFrom("a", "b", "*");
  const topic = fc
    .tuple(fc.array(segment, { minLength: 1, maxLength: 3 }), fc.boolean())
    .map(([segments, isDeep]) => [...segments, ...(isDeep ? ["**"] : [])].join("/"));
  const channels = allChannels(5);
  const covers = (pattern: string, channel: string): boolean =>
    isPattern(pattern) ? topicCovers(pattern, channel) : pattern === channel;
  fc.assert(
    fc.property(topic, topic, (a, b) => {
      const common = channels.some((channel) => covers(a, channel) && covers(b, channel));
      expect(topicsOverlap(a, b)).toBe(common);
    }),
    { numRuns: 500 },
  );
});

/** Of one to `depth` segments, each `a` or `b`. */
function allChannels(depth: number): string[] {
  const all: string[] = [];
  let level = [""];
  for (let n = 0; n < depth; n++) {
    level = level.flatMap((prefix) =>
      ["a", "b"].map((each) => (prefix ? `${prefix}/${each}` : each)),
    );
    all.push(...level);
  }
  return all;
}
