import fc from "fast-check";
import { expect, test } from "vitest";

import { topicCovers } from "../core/channel-name.ts";
import { channelOf, matcherOf, nameOf, presenceTopic } from "./topic.ts";

const anySegment = fc.constantFrom("a", "b", "a.b", "axb", "", "*", "~:_-", "42");
const anyChannel = fc.array(anySegment, { minLength: 1, maxLength: 4 }).map((all) => all.join("/"));
const anyTopic = fc
  .tuple(anyChannel, fc.constantFrom("", "", "/*", "/**"))
  .map(([channel, end]) => channel + end)
  // No pattern begins with ~.
  .filter((topic) => !/^~.*\*/.test(topic));

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

test("no pattern matches a reserved channel", () => {
  for (const pattern of ["**", "*", "*/c", "*/**"]) {
    expect(matcherOf(pattern).test("~presence/c")).toBe(false);
    expect(matcherOf(pattern).test("~control")).toBe(false);
  }
});

test("a presence topic differs for each page, matches its events, and names its channel", () => {
  const topic = presenceTopic("rooms/1.x");
  expect(topic).not.toBe(presenceTopic("rooms/1.x"));
  expect(matcherOf(topic).test("~presence/rooms/1.x")).toBe(true);
  expect(matcherOf(topic).test("~presence/rooms/1yx")).toBe(false);
  expect(matcherOf(topic).test("rooms/1.x")).toBe(false);
  expect(channelOf(topic)).toBe("rooms/1.x");
  expect(nameOf(topic)).toBe("~presence/rooms/1.x");
});

test.each(["rooms/1", "**", "~presence/c", "~control", "a#1", "~presence/c/*"])(
  "any other text is no presence topic: %s",
  (topic) => expect(channelOf(topic)).toBe(topic),
);
