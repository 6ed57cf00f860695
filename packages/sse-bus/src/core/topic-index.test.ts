import fc from "fast-check";
import { expect, test } from "vitest";
import { topicCovers } from "./channel-name.ts";
import {
  addTopic,
  createTopicIndex,
  removeTopic,
  type TopicIndex,
  visitTopics,
} from "./topic-index.ts";

const anySegment = fc.constantFrom("a", "b", "c");
const anyChannel = fc
  .array(anySegment, { minLength: 1, maxLength: 4 })
  .map((segments) => segments.join("/"));
const anyTopic = fc
  .tuple(
    fc.array(fc.oneof(anySegment, fc.constant("*")), { minLength: 0, maxLength: 4 }),
    fc.boolean(),
  )
  .map(([segments, isDeep]) =>
    (isDeep || segments.length === 0 ? [...segments, "**"] : segments).join("/"),
  );
const anyValue = fc.integer({ min: 0, max: 4 });
const anyChange = fc.record({ isAdd: fc.boolean(), topic: anyTopic, value: anyValue });

test("finds the same registrations for every channel as a search through all of them", () => {
  fc.assert(
    fc.property(
      fc.array(anyChange, { maxLength: 60 }),
      fc.array(anyChannel),
      (changes, channels) => {
        const index = createTopicIndex<string>();
        const all = new Map<string, Set<string>>();
        for (const { isAdd, topic, value } of changes) {
          // One value per registration, as with feeds: a value under two topics is visited twice.
          const own = `${topic} ${value}`;
          const values = all.get(topic) ?? new Set();
          all.set(topic, values);
          if (isAdd) {
            addTopic(index, topic, own);
            values.add(own);
          } else {
            removeTopic(index, topic, own);
            values.delete(own);
          }
        }
        for (const channel of channels) {
          const expected = [...all]
            .filter(([topic]) => topicCovers(topic, channel))
            .flatMap(([, values]) => [...values]);
          expect(visited(index, channel).toSorted()).toEqual(expected.toSorted());
        }
      },
    ),
    { numRuns: 500 },
  );
});

test("adding and removing topics leaks nothing, in any order", () => {
  const anyRegistration = fc.record({ topic: anyTopic, value: anyValue });
  const anyChurn = fc
    .uniqueArray(anyRegistration, { selector: ({ topic, value }) => `${topic} ${value}` })
    .chain((added) =>
      fc.record({
        added: fc.constant(added),
        removed: fc.shuffledSubarray(added, { minLength: added.length }),
      }),
    );
  fc.assert(
    fc.property(anyChurn, ({ added, removed }) => {
      const index = createTopicIndex<number>();
      for (const { topic, value } of added) addTopic(index, topic, value);
      for (const { topic, value } of removed) removeTopic(index, topic, value);
      expect(index).toEqual(createTopicIndex());
    }),
  );
});

test("removing an unknown topic changes nothing", () => {
  const index = createTopicIndex<number>();
  addTopic(index, "a/*", 1);
  addTopic(index, "a/b", 1);
  for (const topic of ["a/*", "a/b", "a/**", "x/*/y", "**"]) removeTopic(index, topic, 2);
  expect(visited(index, "a/b")).toEqual([1, 1]);
  removeTopic(index, "a/*", 1);
  removeTopic(index, "a/b", 1);
  expect(index).toEqual(createTopicIndex());
});

test("a search does not visit 10,000 other topics", () => {
  const index = createTopicIndex<number>();
  for (let n = 0; n < 10_000; n++) {
    addTopic(index, `rooms/${n}`, n);
    addTopic(index, `rooms/${n}/*`, n);
  }
  // Only the nodes on the channel's own path may be looked at.
  const next = index.patterns.next.get("rooms")?.next as Map<string, unknown>;
  let lookups = 0;
  const get = next.get.bind(next);
  next.get = (key) => (lookups++, get(key));
  next.forEach = next.values = () => {
    throw new Error("walked through all topics");
  };
  expect(visited(index, "rooms/77/x")).toEqual([77]);
  expect(lookups).toBe(2);
});

function visited<Value>(index: TopicIndex<Value>, channel: string): Value[] {
  const found: Value[] = [];
  visitTopics(index, channel, (value) => found.push(value));
  return found;
}
