import fc from "fast-check";
import { expect, test } from "vitest";

import { topicCovers } from "../core/channel-name.ts";
import { matcherOf } from "./topic.ts";

const anySegment = fc.constantFrom("a", "b", "a.b", "axb", "", "*", "~:_-", "42");
const anyChannel = fc.array(anySegment, { minLength: 1, maxLength: 4 }).map((all) => all.join("/"));
const anyTopic = fc
  .tuple(anyChannel, fc.constantFrom("", "", "/*", "/**"))
  .map(([channel, end]) => channel + end);

test("a channel or pattern matches exactly what it covers on the server", () => {
  fc.assert(
    fc.property(anyTopic, anyChannel, (topic, name) => {
      const channel = name.replaceAll("*", "a");
      expect(matcherOf(topic).test(channel)).toBe(topicCovers(topic, channel));
    }),
    { numRuns: 5_000 },
  );
});

test("a pattern matches itself, because gaps name patterns", () => {
  fc.assert(fc.property(anyTopic, (topic) => matcherOf(topic).test(topic)));
});
