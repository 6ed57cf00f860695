import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  appendMessage,
  type TopicLog,
  createTopicLog,
  dropOldest,
  enforceLimits,
  indexAfter,
  liveCount,
  loseUpTo,
  newestSeq,
  ordinalOf,
} from "./topic-log.ts";
import type { HistoryLimits } from "./history.ts";
import { createMessage, type LogMessage, messageBytes } from "./message.ts";
import { createOlderHistory, prepareHistory, prependHistory } from "./older-history.ts";

const UNLIMITED: HistoryLimits = {
  maxMessages: Number.POSITIVE_INFINITY,
  maxBytes: Number.POSITIVE_INFINITY,
  maxAgeMs: Number.POSITIVE_INFINITY,
};

function prepend(log: TopicLog, messages: readonly LogMessage[], horizon: number): void {
  prependHistory(log, createOlderHistory(log, messages, horizon));
}

function message(
  seq: number,
  options: { key?: string; channel?: string; size?: number } = {},
): LogMessage {
  const { key, channel = "a", size = 1 } = options;
  const json = JSON.stringify("x".repeat(size));
  return createMessage({ channel, event: "message", key, json }, { seq, time: seq }, "e");
}

function logOf(limits: Partial<HistoryLimits>, messages: readonly LogMessage[]): TopicLog {
  const log = createTopicLog("a", { ...UNLIMITED, ...limits }, 0);
  for (const each of messages) appendMessage(log, each, each.time);
  return log;
}

function seqs(log: TopicLog): number[] {
  return log.messages.slice(log.first).map((entry) => (entry as LogMessage).seq);
}

describe("what a log keeps", () => {
  test("is the newest messages within its count, and the horizon is the newest one dropped", () => {
    const log = logOf(
      { maxMessages: 3 },
      [1, 4, 6, 7, 9].map((seq) => message(seq)),
    );
    expect(seqs(log)).toEqual([6, 7, 9]);
    expect(log).toMatchObject({ horizon: 4, horizonTime: 4 });
  });

  test("is nothing with a count of 0, and a resume from the newest is still complete", () => {
    const log = logOf({ maxMessages: 0 }, [message(3)]);
    expect(seqs(log)).toEqual([]);
    expect(log.horizon).toBe(3);
    expect(newestSeq(log)).toBe(3);
    expect(log.bytes).toBe(0);
  });

  test("is one message with a count of 1, even if all messages have keys", () => {
    const log = logOf({ maxMessages: 1 }, [message(1, { key: "k" }), message(2, { key: "j" })]);
    expect(seqs(log)).toEqual([2]);
    expect(log.horizon).toBe(1);
  });

  test("stays within its bytes, overhead included; a larger message is dropped immediately", () => {
    const one = messageBytes(message(1, { size: 100 }));
    const messages = [1, 2, 3, 4].map((seq) => message(seq, { size: 100 }));
    expect(seqs(logOf({ maxBytes: 2 * one }, messages))).toEqual([3, 4]);
    expect(seqs(logOf({ maxBytes: 2 * one - 1 }, messages))).toEqual([4]);
    const tooSmall = logOf({ maxBytes: one - 1 }, messages);
    expect(seqs(tooSmall)).toEqual([]);
    expect(tooSmall).toMatchObject({ horizon: 4, bytes: 0 });
  });

  test("stays within its age", () => {
    const log = logOf(
      { maxAgeMs: 10 },
      [1, 5, 12].map((seq) => message(seq)),
    );
    expect(seqs(log)).toEqual([5, 12]);
    enforceLimits(log, 22);
    expect(seqs(log)).toEqual([12]);
    enforceLimits(log, 23);
    expect(seqs(log)).toEqual([]);
    expect(log.horizon).toBe(12);
  });

  test("does not count superseded messages, and drops them first", () => {
    const messages = [message(1, { key: "k" }), message(2), message(3, { key: "k" }), message(4)];
    const log = logOf({ maxMessages: 3 }, messages);
    expect(liveCount(log)).toBe(3);
    expect(log.horizon).toBe(0);
    appendMessage(log, message(5), 5);
    expect(log.horizon).toBe(2);
    expect(seqs(log)).toEqual([3, 4, 5]);
  });

  test("is not dropped before it is settled, whatever the limits are", () => {
    const log = createTopicLog("a", { maxMessages: 1, maxBytes: 1, maxAgeMs: 1 }, 0);
    log.settled = 0;
    for (const seq of [1, 2, 3]) appendMessage(log, message(seq), 1000);
    expect(seqs(log)).toEqual([1, 2, 3]);
    log.settled = 2;
    enforceLimits(log, 1000);
    expect(seqs(log)).toEqual([3]);
    log.settled = 3;
    enforceLimits(log, 1000);
    expect(seqs(log)).toEqual([]);
  });
});

describe("a horizon never moves back", () => {
  test("when the messages after a loss are dropped", () => {
    const log = logOf(
      {},
      [1, 2, 3].map((seq) => message(seq)),
    );
    loseUpTo(log, { seq: 10, time: 10 });
    appendMessage(log, message(11), 11);
    expect(dropOldest(log)).toBe(true);
    expect(log.horizon).toBeGreaterThanOrEqual(10);
    expect(newestSeq(log)).toBeGreaterThanOrEqual(10);
  });

  test("when messages that history kept from before its own horizon are dropped", () => {
    // A pattern's history: one channel has dropped everything up to 8, another keeps 5.
    const log = createTopicLog("*", UNLIMITED, 9);
    prepend(log, [message(5, { channel: "quiet" }), message(9, { channel: "busy" })], 8);
    expect(log.horizon).toBe(8);
    dropOldest(log);
    expect(log.horizon).toBe(8);
  });

  test("when messages are dropped while history is read", () => {
    const log = createTopicLog("a", { ...UNLIMITED, maxMessages: 0 }, 4);
    // History was read up to 4; then 5 arrived, and nothing is kept.
    appendMessage(log, message(5), 5);
    prepend(log, [message(3), message(4)], 0);
    expect(log.horizon).toBe(5);
  });

  test("when history's horizon is older than the window's start", () => {
    // A pattern's window holds messages that their channel's own history has already dropped.
    const log = createTopicLog("*", UNLIMITED, 1);
    for (const seq of [2, 3, 4]) appendMessage(log, message(seq), seq);
    prepend(log, [message(4)], 3);
    expect(seqs(log)).toEqual([2, 3, 4]);
    expect(log.horizon).toBe(1);
  });
});

describe("how many messages a gap lost", () => {
  test("is known as long as no message has a key", () => {
    const log = logOf(
      { maxMessages: 2 },
      [1, 3, 5, 7].map((seq) => message(seq)),
    );
    expect(ordinalOf(log, 3)).toBe(2);
    expect(ordinalOf(log, 4)).toBe(2);
    expect(ordinalOf(log, 7)).toBe(4);
    expect(ordinalOf(log, 2)).toBeUndefined();
    appendMessage(log, message(8, { key: "k" }), 8);
    expect(ordinalOf(log, 7)).toBeUndefined();
  });

  test("stays correct when older history is added in front", () => {
    const log = createTopicLog("a", UNLIMITED, 10);
    for (const seq of [11, 12, 13, 14]) appendMessage(log, message(seq), seq);
    const at12 = ordinalOf(log, 12) as number;
    dropOldest(log);
    prepend(
      log,
      [7, 8, 9, 10, 11, 12].map((seq) => message(seq)),
      6,
    );
    expect(ordinalOf(log, 12)).toBe(at12);
    expect((ordinalOf(log, 12) as number) - (ordinalOf(log, 8) as number)).toBe(4);
  });

  test("is unknown after a loss of unknown size", () => {
    const log = logOf(
      {},
      [1, 2, 3].map((seq) => message(seq)),
    );
    loseUpTo(log, { seq: 10, time: 10 });
    expect(ordinalOf(log, 10)).toBeUndefined();
    expect(ordinalOf(log, 12)).toBeUndefined();
  });
});

test("superseding a key costs the same for any number of messages", () => {
  const log = logOf(
    {},
    Array.from({ length: 200_000 }, (_, n) => message(n + 1, { key: `k${n % 7}` })),
  );
  expect(liveCount(log)).toBe(7);
  // Superseded messages are compacted regularly, so they cannot accumulate.
  expect(log.messages.length - log.first).toBeLessThan(200);
});

test("in a log full of live messages, one superseded message does not cause a compaction", () => {
  const keyed = (seq: number): LogMessage =>
    message(seq, { key: seq % 2 === 0 ? "k" : `own ${seq}` });
  const one = messageBytes(keyed(1_000_001));
  const log = logOf(
    { maxBytes: one * 20_000 },
    Array.from({ length: 20_000 }, (_, n) => keyed(n + 1)),
  );
  let copies = 0;
  let { messages } = log;
  for (let seq = 20_001; seq <= 22_000; seq++) {
    appendMessage(log, keyed(seq), seq);
    if (messages !== log.messages) copies++;
    ({ messages } = log);
  }
  expect(log.bytes).toBeLessThanOrEqual(log.limits.maxBytes);
  expect(copies).toBeLessThan(20);
});

describe("against a simple model, over any schedule", () => {
  interface Step {
    readonly do: "append" | "settle" | "drop" | "read" | "prepend" | "age" | "lose";
    readonly key: number;
    readonly channel: number;
    readonly size: number;
    readonly skip: number;
  }
  const anyStep: fc.Arbitrary<Step> = fc.record({
    do: fc.constantFrom(
      ...(["append", "append", "append", "append", "settle", "settle"] as const),
      ...(["drop", "read", "prepend", "prepend", "age", "lose"] as const),
    ),
    key: fc.integer({ min: 0, max: 3 }),
    channel: fc.integer({ min: 0, max: 2 }),
    size: fc.integer({ min: 0, max: 300 }),
    skip: fc.integer({ min: 1, max: 3 }),
  });
  const anyCase = fc.record({
    steps: fc.array(anyStep, { maxLength: 80 }),
    before: fc.array(anyStep, { maxLength: 20 }),
    hasKeys: fc.boolean(),
    isPattern: fc.boolean(),
    maxMessages: fc.constantFrom(0, 1, 2, 5, 20),
    maxBytes: fc.constantFrom(400, 1000, 3000, 100_000),
    maxAgeMs: fc.constantFrom(3, 10, 1000),
    isSettledAlways: fc.boolean(),
  });

  test("it keeps what it must, drops only what it may, and reports both correctly", () => {
    fc.assert(
      fc.property(anyCase, (given) => {
        const { hasKeys, isPattern } = given;
        const limits = {
          maxMessages: given.maxMessages,
          maxBytes: given.maxBytes,
          maxAgeMs: given.maxAgeMs,
        };
        let head = 0;
        const truth: LogMessage[] = [];
        /** The backend: one log per channel, under the limits. */
        const server = new Map<string, TopicLog>();
        const publish = ({ key, channel, size, skip }: Step): LogMessage => {
          head += skip;
          const own = message(head, {
            size,
            channel: isPattern ? `c${channel}` : "a",
            ...(hasKeys && key > 0 && { key: `k${key}` }),
          });
          truth.push(own);
          const log = server.get(own.channel) ?? createTopicLog(own.channel, limits, 0);
          server.set(own.channel, log);
          appendMessage(log, { ...own }, head);
          return own;
        };
        const read = (): { messages: LogMessage[]; horizon: number } => ({
          messages: [...server.values()]
            .flatMap((log) => log.messages.slice(log.first) as LogMessage[])
            .map((entry) => ({ ...entry, superseded: false }))
            .toSorted((a, b) => a.seq - b.seq),
          horizon: Math.max(0, ...[...server.values()].map(({ horizon }) => horizon)),
        });

        for (const step of given.before) publish(step);
        const window = createTopicLog(
          isPattern ? "*" : "a",
          isPattern ? { ...UNLIMITED, maxAgeMs: limits.maxAgeMs } : limits,
          head,
        );
        const since = head;
        if (!given.isSettledAlways) window.settled = since;
        // Prepared message by message, while the window continues.
        const begin = () => {
          const { messages, horizon } = read();
          const older = createOlderHistory(window, messages, horizon);
          return { older, work: prepareHistory(older, window, 1) };
        };
        let reading = begin();
        let lowest = since;
        let lost = 0;

        for (const step of given.steps) {
          const { horizon, settled } = window;
          const held = seqs(window);
          if (step.do === "append") appendMessage(window, publish(step), head);
          if (step.do === "settle" && window.settled < head) {
            window.settled = head;
            enforceLimits(window, head);
          }
          if (step.do === "drop") dropOldest(window);
          if (step.do === "read") reading = begin();
          else reading.work.next();
          if (step.do === "prepend") {
            prependHistory(window, reading.older);
            lowest = Math.min(lowest, reading.older.horizon);
            reading = begin();
          }
          if (step.do === "age") enforceLimits(window, head + step.size);
          if (step.do === "lose") {
            head += step.skip;
            lost = head;
            loseUpTo(window, { seq: head, time: head });
            reading = begin();
          }
          if (step.do !== "prepend") expect(window.horizon).toBeGreaterThanOrEqual(horizon);
          if (step.do !== "lose") {
            const kept = new Set(seqs(window));
            const gone = held.filter((seq) => !kept.has(seq));
            // Readers at the head have yet to receive what is not settled.
            expect(gone.filter((seq) => seq > Math.max(settled, window.settled))).toEqual([]);
          }
          check(window, truth, { since: lowest, lost, hasKeys });
        }
        if (window.settled >= head && !isPattern) {
          enforceLimits(window, head);
          expect(liveCount(window)).toBeLessThanOrEqual(limits.maxMessages);
          expect(window.bytes).toBeLessThanOrEqual(limits.maxBytes);
        }
      }),
      { numRuns: 1500 },
    );
  });

  function check(
    log: TopicLog,
    truth: readonly LogMessage[],
    { since, lost, hasKeys }: { since: number; lost: number; hasKeys: boolean },
  ): void {
    const held = log.messages.slice(log.first) as LogMessage[];
    expect(held.every(Boolean)).toBe(true);
    expect(held.map(({ seq }) => seq)).toEqual(
      held.map(({ seq }) => seq).toSorted((a, b) => a - b),
    );
    expect(new Set(held.map(({ seq }) => seq)).size).toBe(held.length);
    expect(log.bytes).toBe(held.reduce((sum, entry) => sum + messageBytes(entry), 0));
    const isSuperseded = (entry: LogMessage): boolean =>
      entry.key !== undefined &&
      truth.some(
        ({ seq, key, channel }) =>
          seq > entry.seq && key === entry.key && channel === entry.channel,
      );
    expect(log.stale).toBe(held.filter((entry) => isSuperseded(entry)).length);
    for (const entry of held) expect(entry.superseded).toBe(isSuperseded(entry));
    // Complete after the horizon, except for superseded messages.
    const kept = new Set(held.map(({ seq }) => seq));
    const missing = truth.filter(({ seq }) => seq > log.horizon && !kept.has(seq));
    expect(missing.filter((entry) => !isSuperseded(entry))).toEqual([]);
    expect(log.evicted).toBeLessThanOrEqual(log.horizon);
    for (const { seq } of truth) {
      const index = held.findIndex((entry) => entry.seq > seq);
      expect(indexAfter(log, seq) - log.first).toBe(index < 0 ? held.length : index);
    }
    const from = Math.max(log.horizon, since);
    const ordinal = ordinalOf(log, from);
    if (hasKeys || ordinal === undefined) return;
    const to = newestSeq(log);
    const between = truth.filter(({ seq }) => seq > from && seq <= to && seq > lost).length;
    expect((ordinalOf(log, to) as number) - ordinal).toBe(between);
  }
});
