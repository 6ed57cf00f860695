import fc from "fast-check";
import { expect, test } from "vitest";
import {
  appendMessage,
  type ChannelLog,
  createChannelLog,
  dropOldest,
  loseUpTo,
  prependHistory,
} from "./channel-log.ts";
import { topicCovers } from "./channel-name.ts";
import { createMessage, type LogMessage } from "./message.ts";
import { type ReadOptions, readLog, type Source } from "./read-log.ts";

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

test("reads what a naive merge and filter reads, in one order, each once, up to the next loss", () => {
  fc.assert(
    fc.property(anyCase, (given) => {
      const { sources, messages } = build(given);
      const { after, upTo, maxBytes, skipSuperseded, isSnapshot } = given;
      const options: ReadOptions = {
        upTo,
        maxBytes,
        skipSuperseded,
        ignored: undefined,
        snapshot: isSnapshot ? (messages[Math.floor(messages.length / 2)]?.seq ?? 0) : undefined,
        epoch: "e",
      };
      const packet = readLog(sources, after, options);

      const held = new Set(sources.flatMap(({ log }) => log.entries.map((entry) => entry?.seq)));
      // The newest position up to each horizon that nobody holds.
      const losses = sources.map(({ log }) => {
        let seq = log.base;
        while (seq > after && held.has(seq)) seq--;
        return seq > after ? seq : Number.POSITIVE_INFINITY;
      });
      const loss = Math.min(...losses);
      const wanted = [
        ...new Map(
          sources
            .flatMap(({ log }) => log.entries.slice(log.first) as LogMessage[])
            .filter(({ seq }) => seq > after && seq <= Math.min(loss, upTo))
            .toSorted((a, b) => a.seq - b.seq)
            .filter((entry) => !isLeftOut(entry, messages, options))
            .map((entry) => [entry.seq, entry]),
        ).values(),
      ];
      if (wanted.length > 0) {
        const read = packet?.messages ?? [];
        expect(read.map(({ seq }) => seq)).toEqual(
          wanted.slice(0, read.length).map(({ seq }) => seq),
        );
        const bytes = (end: number): number =>
          wanted.slice(0, end).reduce((sum, { frame }) => sum + frame.length, 0);
        expect(read.length === 1 || bytes(read.length) <= maxBytes).toBe(true);
        expect(read.length === wanted.length || bytes(read.length + 1) > maxBytes).toBe(true);
        expect(packet).toMatchObject({ to: { seq: read.at(-1)?.seq }, gap: undefined });
      } else if (loss <= upTo) {
        const channels = sources
          .filter((_, index) => losses[index] === loss)
          .map(({ name }) => name);
        expect(packet).toMatchObject({ to: { seq: loss }, gap: { channels, reason: "evicted" } });
      } else {
        expect(packet).toBeUndefined();
      }
    }),
    { numRuns: 1000 },
  );
});

test("read again and again it gives everything, and gaps just where something was lost", () => {
  fc.assert(
    fc.property(anyCase, (given) => {
      const { sources, messages } = build(given);
      const topics = sources.map(({ name }) => name);
      const seen = new Set<number>();
      const forgiven = new Set<number>();
      const newest = new Map<string, number>();
      let { after } = given;
      for (;;) {
        const packet = readLog(sources, after, {
          upTo: Number.MAX_SAFE_INTEGER,
          maxBytes: given.maxBytes,
          skipSuperseded: given.skipSuperseded,
          ignored: undefined,
          snapshot: undefined,
          epoch: "e",
        });
        if (!packet) break;
        expect(packet.to.seq).toBeGreaterThan(after);
        for (const { seq, channel } of messages) {
          const isTold = packet.gap?.channels.some((topic) => topicCovers(topic, channel));
          // A gap goes before whatever of the channel follows the loss.
          const isLate = seq <= (newest.get(channel) ?? given.after);
          if (isTold && !isLate && seq <= packet.to.seq) forgiven.add(seq);
        }
        for (const { seq, channel } of packet.messages) {
          expect(seen.has(seq)).toBe(false);
          seen.add(seq);
          newest.set(channel, seq);
        }
        after = packet.to.seq;
      }
      const missing = messages.filter(
        (entry) =>
          entry.seq > given.after &&
          topics.some((topic) => topicCovers(topic, entry.channel)) &&
          !seen.has(entry.seq) &&
          !forgiven.has(entry.seq),
      );
      expect(missing.filter((entry) => !isSuperseded(entry, messages))).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

test("a reader of what was kept is told only of what was evicted since", () => {
  const log = createChannelLog("a", UNLIMITED, 20);
  for (const seq of [21, 22, 23]) appendMessage(log, message(seq, "a"), seq);
  prependHistory(log, [message(9, "a"), message(12, "a")], 8);
  const other = createChannelLog("b", UNLIMITED, 10);
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
      ignored: [0, 0],
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

test("a loss up to a position that another topic holds hides neither the loss nor the message", () => {
  const lossy = createChannelLog("a", UNLIMITED, 0);
  const whole = createChannelLog("b", UNLIMITED, 0);
  for (const seq of [8, 9, 10]) appendMessage(whole, message(seq, "b"), seq);
  // The feed could not recover anything up to 10; the 10 itself was b's.
  loseUpTo(lossy, { seq: 10, time: 10 });
  const sources = [
    { name: "a", log: lossy },
    { name: "b", log: whole },
  ];
  const seen: unknown[] = [];
  for (let after = 5; ;) {
    const packet = readLog(sources, after, {
      upTo: 100,
      maxBytes: 1,
      skipSuperseded: true,
      ignored: undefined,
      snapshot: undefined,
      epoch: "e",
    });
    if (!packet) break;
    seen.push(packet.gap ? [packet.gap.channels, packet.to.seq] : packet.to.seq);
    after = packet.to.seq;
  }
  expect(seen).toEqual([[["a"], 7], 8, 9, 10]);
});

function message(
  seq: number,
  channel: string,
  options: { key?: string | undefined; size?: number } = {},
): LogMessage {
  const { key, size = 0 } = options;
  const json = JSON.stringify("x".repeat(size));
  return createMessage({ channel, event: "message", key, json }, { seq, time: seq }, "e");
}

/** Windows as they come about: filled live, trimmed, with losses in between. */
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
  const sources = topics.map((name, index): Source => {
    const log: ChannelLog = createChannelLog(name, UNLIMITED, 0);
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
