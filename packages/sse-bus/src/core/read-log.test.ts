import fc from "fast-check";
import { expect, test } from "vitest";
import { appendMessage, type TopicLog, createTopicLog, dropOldest, loseUpTo } from "./topic-log.ts";
import { topicCovers } from "./channel-name.ts";
import { createMessage, type LogMessage } from "./message.ts";
import { createOlderHistory, prependHistory } from "./older-history.ts";
import type { Gap } from "./packet.ts";
import { type ReadOptions, readLog, type LogSource } from "./read-log.ts";

const UNLIMITED = {
  maxMessages: Number.POSITIVE_INFINITY,
  maxBytes: Number.POSITIVE_INFINITY,
  maxAgeMs: Number.POSITIVE_INFINITY,
};
const CHANNELS = ["a/1", "a/2", "b"];
const TOPICS = ["a/1", "a/2", "b", "a/*", "**"];

const anyMessage = fc.record({
  channel: fc.constantFrom(...CHANNELS),
  key: fc.constantFrom(undefined, undefined, "k", "j"),
  size: fc.integer({ min: 0, max: 40 }),
  skip: fc.integer({ min: 1, max: 2 }),
});
const anyCase = fc.record({
  messages: fc.array(anyMessage, { maxLength: 25 }),
  topics: fc.subarray(TOPICS, { minLength: 1 }),
  dropped: fc.array(fc.nat({ max: 6 }), { minLength: 5, maxLength: 5 }),
  lost: fc.array(fc.nat({ max: 20 }), { minLength: 5, maxLength: 5 }),
  after: fc.nat({ max: 30 }),
  upTo: fc.oneof(fc.nat({ max: 40 }), fc.constant(Number.MAX_SAFE_INTEGER)),
  maxBytes: fc.constantFrom(1, 80, 300, 1e6),
  skipSuperseded: fc.boolean(),
  isSnapshot: fc.boolean(),
  sharesMessages: fc.boolean(),
});

test("reads the same as a naive merge and filter: in order, each message once, after a gap for any loss", () => {
  fc.assert(
    fc.property(anyCase, (given) => {
      const { sources, messages } = build(given);
      const { after, upTo, maxBytes, skipSuperseded, isSnapshot } = given;
      const options: ReadOptions = {
        upTo,
        maxBytes,
        skipSuperseded,
        knownEvictions: undefined,
        snapshot: isSnapshot ? (messages[Math.floor(messages.length / 2)]?.seq ?? 0) : undefined,
        epoch: "e",
      };
      const packet = readLog(sources, after, options);

      const isShort = ({ log }: LogSource): boolean => log.horizon > after;
      const lost = sources.filter(
        (source) =>
          isShort(source) &&
          !sources.some((other) => !isShort(other) && topicCovers(other.name, source.name)),
      );
      const wanted = [
        ...new Map(
          sources
            .flatMap(({ log }) => log.messages.slice(log.first) as LogMessage[])
            .filter(({ seq }) => seq > after && seq <= upTo)
            .toSorted((a, b) => a.seq - b.seq)
            .filter((entry) => !isLeftOut(entry, messages, options))
            .map((entry) => [entry.seq, entry]),
        ).values(),
      ];
      if (lost.length > 0) {
        // The gap comes before all kept messages, so that no id moves past an unreported loss.
        const newest = Math.max(...lost.map(({ log }) => log.horizon));
        const next = wanted[0]?.seq ?? Number.POSITIVE_INFINITY;
        const seq = Math.max(after, Math.min(newest, upTo, next - 1));
        const channels = lost.map(({ name }) => name);
        expect(packet).toMatchObject({ to: { seq }, gap: { channels, reason: "evicted" } });
        expect(packet?.evictions).toEqual(sources.map(({ log }) => log.evictions));
      } else if (wanted.length > 0) {
        const read = packet?.messages ?? [];
        expect(read.map(({ seq }) => seq)).toEqual(
          wanted.slice(0, read.length).map(({ seq }) => seq),
        );
        const bytes = (end: number): number =>
          wanted.slice(0, end).reduce((sum, { frame }) => sum + frame.length, 0);
        expect(read.length === 1 || bytes(read.length) <= maxBytes).toBe(true);
        expect(read.length === wanted.length || bytes(read.length + 1) > maxBytes).toBe(true);
        expect(packet).toMatchObject({ to: { seq: read.at(-1)?.seq }, gap: undefined });
      } else {
        expect(packet).toBeUndefined();
      }
    }),
    { numRuns: 1000 },
  );
});

test("repeated reads return everything, after at most one gap that names the channels with a loss", () => {
  fc.assert(
    fc.property(anyCase, (given) => {
      const { sources, messages } = build(given);
      const topics = sources.map(({ name }) => name);
      const seen: number[] = [];
      const gaps: Gap[] = [];
      let { after } = given;
      let knownEvictions: readonly number[] | undefined;
      for (;;) {
        const packet = readLog(sources, after, {
          upTo: Number.MAX_SAFE_INTEGER,
          maxBytes: given.maxBytes,
          skipSuperseded: given.skipSuperseded,
          knownEvictions,
          snapshot: undefined,
          epoch: "e",
        });
        if (!packet) break;
        expect(packet.to.seq).toBeGreaterThanOrEqual(after);
        if (packet.gap) {
          expect(seen).toEqual([]);
          gaps.push(packet.gap);
          knownEvictions = packet.evictions;
        }
        seen.push(...packet.messages.map(({ seq }) => seq));
        after = packet.to.seq;
        expect(gaps.length).toBeLessThanOrEqual(1);
      }
      expect(seen).toEqual([...new Set(seen)].toSorted((a, b) => a - b));
      const missing = messages.filter(
        (entry) =>
          entry.seq > given.after &&
          topics.some((topic) => topicCovers(topic, entry.channel)) &&
          !gaps[0]?.channels.some((topic) => topicCovers(topic, entry.channel)) &&
          !seen.includes(entry.seq),
      );
      expect(missing.filter((entry) => !isSuperseded(entry, messages))).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

test("a reader of everything kept gets a gap only for messages evicted after its start", () => {
  const log = createTopicLog("a", UNLIMITED, 20);
  for (const seq of [21, 22, 23]) appendMessage(log, message(seq, "a"), seq);
  prependHistory(log, createOlderHistory(log, [message(9, "a"), message(12, "a")], 8));
  const other = createTopicLog("b", UNLIMITED, 10);
  appendMessage(other, message(30, "b"), 30);
  const sources = [
    { name: "a", log },
    { name: "b", log: other },
  ];
  const read = (after: number): (number | string)[] => {
    const packet = readLog(sources, after, {
      upTo: 100,
      maxBytes: 1e6,
      skipSuperseded: true,
      knownEvictions: [0, 0],
      snapshot: undefined,
      epoch: "e",
    });
    return packet?.gap
      ? [`gap ${packet.gap.channels.join()} ${packet.to.seq}`]
      : (packet?.messages ?? []).map(({ seq }) => seq);
  };
  expect(read(8)).toEqual([9, 12, 21, 22, 23, 30]);
  dropOldest(log);
  expect(read(8)).toEqual(["gap a 9"]);
  expect(read(9)).toEqual([12, 21, 22, 23, 30]);
});

test("a loss up to the position of another topic's message hides neither the loss nor the message", () => {
  const lossy = createTopicLog("a", UNLIMITED, 0);
  const whole = createTopicLog("b", UNLIMITED, 0);
  for (const seq of [8, 9, 10, 12]) appendMessage(whole, message(seq, "b"), seq);
  // The feed could not recover the messages of a up to 10. Message 10 itself belongs to b.
  loseUpTo(lossy, { seq: 10, time: 10 });
  const sources = [
    { name: "a", log: lossy },
    { name: "b", log: whole },
  ];
  expect(readAll(sources, 5)).toEqual([[["a"], 7], 8, 9, 10, 12]);
  expect(readAll(sources, 9)).toEqual([[["a"], 9], 10, 12]);
  expect(readAll(sources, 10)).toEqual([12]);
});

test("no id moves past an unreported loss, because a resume from that id would hide it", () => {
  const evicted = createTopicLog("a", UNLIMITED, 0);
  const whole = createTopicLog("b", UNLIMITED, 0);
  for (const seq of [1, 3, 5]) appendMessage(evicted, message(seq, "a"), seq);
  for (const seq of [2, 4, 6]) appendMessage(whole, message(seq, "b"), seq);
  for (let n = 0; n < 3; n++) dropOldest(evicted);
  const sources = [
    { name: "a", log: evicted },
    { name: "b", log: whole },
  ];
  expect(readAll(sources, 0)).toEqual([[["a"], 1], 2, 4, 6]);
});

test("a source's dropped messages are not a loss if another source covers it and keeps them all", () => {
  const own = createTopicLog("a/1", UNLIMITED, 0);
  const pattern = createTopicLog("a/*", UNLIMITED, 0);
  for (const seq of [1, 2, 3]) {
    for (const log of [own, pattern]) appendMessage(log, message(seq, "a/1"), seq);
  }
  for (let n = 0; n < 3; n++) dropOldest(own);
  const sources = [
    { name: "a/*", log: pattern },
    { name: "a/1", log: own },
  ];
  expect(readAll(sources, 0)).toEqual([1, 2, 3]);
  dropOldest(pattern);
  expect(readAll(sources, 0)).toEqual([[["a/*", "a/1"], 1], 2, 3]);
});

/** Reads to the end, one message at a time. Returns each gap as its channels and its position. */
function readAll(sources: readonly LogSource[], from: number): unknown[] {
  const seen: unknown[] = [];
  let knownEvictions: readonly number[] | undefined;
  for (let after = from; seen.length < 100;) {
    const packet = readLog(sources, after, {
      upTo: 100,
      maxBytes: 1,
      skipSuperseded: true,
      knownEvictions,
      snapshot: undefined,
      epoch: "e",
    });
    if (!packet) break;
    if (packet.gap) knownEvictions = packet.evictions;
    seen.push(packet.gap ? [packet.gap.channels, packet.to.seq] : packet.to.seq);
    after = packet.to.seq;
  }
  return seen;
}

function message(
  seq: number,
  channel: string,
  options: { key?: string | undefined; size?: number } = {},
): LogMessage {
  const { key, size = 0 } = options;
  const json = JSON.stringify("x".repeat(size));
  return createMessage({ channel, event: "message", key, json }, { seq, time: seq }, "e");
}

/** Creates windows as they occur in use: filled live, trimmed, with losses in between. */
function build({
  messages,
  topics,
  dropped,
  lost,
  sharesMessages,
}: typeof anyCase extends fc.Arbitrary<infer T> ? T : never) {
  let seq = 0;
  const truth = messages.map(({ channel, key, size, skip }) =>
    message((seq += skip), channel, { key, size }),
  );
  const sources = topics.map((name, index): LogSource => {
    const log: TopicLog = createTopicLog(name, UNLIMITED, 0);
    for (const entry of truth) {
      if (!topicCovers(name, entry.channel)) continue;
      if (entry.seq === lost[index]) loseUpTo(log, { seq: entry.seq - 1, time: 1 });
      appendMessage(
        log,
        sharesMessages ? entry : { ...entry, superseded: false, isOutdated: false },
        0,
      );
    }
    for (let n = 0; n < (dropped[index] as number); n++) dropOldest(log);
    return { name, log };
  });
  return { sources, messages: truth };
}

function isSuperseded({ channel, key, seq }: LogMessage, all: readonly LogMessage[]): boolean {
  return (
    key !== undefined &&
    all.some((entry) => entry.seq > seq && entry.key === key && entry.channel === channel)
  );
}

function isLeftOut(entry: LogMessage, all: readonly LogMessage[], options: ReadOptions): boolean {
  if (options.snapshot !== undefined && entry.seq <= options.snapshot && entry.key === undefined) {
    return all.some(
      ({ seq, key, channel }) => seq > entry.seq && key === undefined && channel === entry.channel,
    );
  }
  const skips = options.skipSuperseded || entry.seq <= (options.snapshot ?? 0);
  return skips && isSuperseded(entry, all);
}
