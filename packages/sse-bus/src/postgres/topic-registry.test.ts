import fc from "fast-check";
import { expect, test } from "vitest";
import { topicCovers } from "../core/channel-name.ts";
import { createTopicRegistry, patternRegex } from "./topic-registry.ts";

const segment = fc.constantFrom("a", "b", "a.b", "aXb", "", "~:_-", "*");
const literal = segment.filter((text) => text !== "*");
const channel = fc
  .array(literal, { minLength: 1, maxLength: 4 })
  .map((segments) => segments.join("/"));
const pattern = fc
  .tuple(fc.array(segment, { maxLength: 3 }), fc.constantFrom("*", "**"))
  .map(([segments, last]) => [...segments, last].join("/"));

test("a pattern covers the same channels on the server as in the bus", () => {
  fc.assert(
    fc.property(pattern, channel, (topic, name) => {
      // The syntax in the expression means the same in JavaScript and in PostgreSQL.
      expect(new RegExp(patternRegex(topic)).test(name)).toBe(topicCovers(topic, name));
    }),
    { numRuns: 2000 },
  );
});

test("the server sends only subscribed channels, or all of them when there are many topics", () => {
  const topics = createTopicRegistry();
  const feed = { message() {}, lost() {} };
  expect(topics.filter().isEmpty).toBe(true);
  const closings = ["a", "NULL", "b/*"].map((topic) => topics.add(topic, feed));
  expect(topics.filter()).toEqual({
    isEmpty: false,
    channels: '{"a","NULL"}',
    pattern: "^(?:b/[^/]*)$",
  });
  const closeAll = topics.add("**", feed);
  expect(topics.filter()).toEqual({ isEmpty: false, channels: null, pattern: null });
  closeAll();
  expect(topics.filter().channels).toBe('{"a","NULL"}');
  for (const close of closings) close();
  expect(topics.filter().isEmpty).toBe(true);
  for (let n = 0; n < 101; n++) topics.add(`room/${n}`, feed);
  expect(topics.filter()).toEqual({ isEmpty: false, channels: null, pattern: null });
});

test("the server sends reserved channels by name only, or all of them when there are many", () => {
  const topics = createTopicRegistry();
  const feed = { message() {}, lost() {} };
  topics.add("~control", feed);
  topics.add("a", feed);
  const closePattern = topics.add("*/b", feed);
  expect(topics.filter()).toEqual({
    isEmpty: false,
    channels: '{"~control","a"}',
    pattern: "^(?!~)(?:[^/]*/b)$",
  });
  closePattern();
  topics.add("**", feed);
  expect(topics.filter()).toEqual({ isEmpty: false, channels: '{"~control"}', pattern: "" });
  for (let n = 0; n < 100; n++) topics.add(`~presence/${n}`, feed);
  expect(topics.filter()).toEqual({ isEmpty: false, channels: '{"~"}', pattern: "" });
});

test("a loss on reserved channels is one of theirs only, and the horizon of ~ is that of the forgotten ones", () => {
  const topics = createTopicRegistry();
  const told: Record<string, number> = {};
  for (const topic of ["~a", "~b", "**", "a"]) {
    topics.add(topic, { message() {}, lost: (seq) => void (told[topic] = seq) });
  }
  topics.lose(
    new Map([
      ["~a", 7],
      ["~", 5],
    ]),
    0,
  );
  expect(told).toEqual({ "~a": 7, "~b": 5 });
  topics.lose(new Map(), 9);
  expect(told).toEqual({ "~a": 7, "~b": 5, "**": 9, a: 9 });
});

test("a feed subscribed twice gets messages twice, and each subscription closes separately", () => {
  const topics = createTopicRegistry();
  const feed = { message() {}, lost() {} };
  const visits = (): number => {
    let count = 0;
    topics.visit("a", () => count++);
    return count;
  };
  const closings = [topics.add("a", feed), topics.add("a", feed)];
  expect(visits()).toBe(2);
  closings[0]?.();
  closings[0]?.();
  expect(visits()).toBe(1);
  closings[1]?.();
  expect(visits()).toBe(0);
});

test("a loss is reported to the topics that it affects; freed channels' horizon applies to channels without one", () => {
  const topics = createTopicRegistry();
  const told: Record<string, number> = {};
  for (const topic of ["a/1", "a/2", "a/*", "b/*"]) {
    topics.add(topic, { message() {}, lost: (seq) => void (told[topic] = seq) });
  }
  topics.lose(new Map([["a/1", 7]]), 0);
  expect(told).toEqual({ "a/1": 7, "a/*": 7 });
  topics.lose(new Map([["a/1", 9]]), 5);
  expect(told).toEqual({ "a/1": 9, "a/2": 5, "a/*": 9, "b/*": 5 });
});
