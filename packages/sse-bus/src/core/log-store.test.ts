import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import type { TopicLog } from "./topic-log.ts";
import { createHistoryResolver, type HistoryOptions } from "./history.ts";
import {
  closeStore,
  createLogStore,
  enforceTotal,
  freeLog,
  type LogStore,
  openLog,
  storeHistory,
  storeMessage,
  sweepStore,
  touchLog,
} from "./log-store.ts";
import { createMessage, type LogMessage, messageBytes } from "./message.ts";

const OVERHEAD = 512;

interface Options {
  readonly maxBytes?: number;
  readonly freesEmpty?: boolean;
  readonly history?: HistoryOptions;
}

function setUp({ maxBytes = 1e9, freesEmpty = true, history = {} }: Options = {}) {
  const store = createLogStore(createHistoryResolver(history), maxBytes, freesEmpty);
  let seq = 0;
  const put = (channel: string, { key, size = 1, time = ++seq }: Put = {}): LogMessage => {
    if (time !== seq) seq++;
    const record = { channel, event: "message", key, json: JSON.stringify("x".repeat(size)) };
    const message = createMessage(record, { seq, time }, "e");
    storeMessage(store, openLog(store, channel), message, time);
    return message;
  };
  return { store, put };
}

interface Put {
  readonly key?: string | undefined;
  readonly size?: number;
  readonly time?: number;
}

/** The expected bytes, counted independently. */
function countBytes({ logs }: LogStore): number {
  let bytes = 0;
  for (const [name, log] of logs) {
    bytes += OVERHEAD + name.length;
    for (const entry of log.messages) if (entry) bytes += messageBytes(entry);
  }
  return bytes;
}

function kept(store: LogStore, name: string): number[] {
  return (store.logs.get(name)?.messages ?? []).flatMap((entry) => (entry ? [entry.seq] : []));
}

describe("when the bytes of all logs together are used up", () => {
  test("the least recently used channel drops messages, oldest first", () => {
    const one = messageBytes(setUp().put("a", { size: 1000 }));
    const { store, put } = setUp({ maxBytes: 3 * (OVERHEAD + 1) + 4 * one });
    put("a", { size: 1000 });
    put("a", { size: 1000 });
    put("b", { size: 1000 });
    put("c", { size: 1000 });
    expect([kept(store, "a"), kept(store, "b"), kept(store, "c")]).toEqual([[1, 2], [3], [4]]);
    put("c", { size: 1000 });
    expect([kept(store, "a"), kept(store, "b"), kept(store, "c")]).toEqual([[2], [3], [4, 5]]);
    expect(store.logs.get("a")?.horizon).toBe(1);
    touchLog(store, store.logs.get("a") as TopicLog);
    put("c", { size: 1000 });
    expect([kept(store, "a"), kept(store, "b"), kept(store, "c")]).toEqual([[2], [], [4, 5, 6]]);
  });

  test("an emptied channel is freed, and later channels start with its horizon", () => {
    const one = messageBytes(setUp().put("a", { size: 1000 }));
    const { store, put } = setUp({ maxBytes: OVERHEAD + 1 + one });
    put("a", { size: 1000 });
    put("b", { size: 1000 });
    expect([...store.logs.keys()]).toEqual(["b"]);
    expect(store.freedHorizon).toBe(1);
    expect(openLog(store, "a").horizon).toBe(1);
  });

  test("a channel with an owner stays, empty", () => {
    const one = messageBytes(setUp().put("a", { size: 1000 }));
    const { store, put } = setUp({ maxBytes: 2 * (OVERHEAD + 1) + one, freesEmpty: false });
    put("a", { size: 1000 });
    put("b", { size: 1000 });
    expect([...store.logs.keys()]).toEqual(["a", "b"]);
    expect(kept(store, "a")).toEqual([]);
    expect(store.logs.get("a")?.horizon).toBe(1);
  });

  test("the channel just written to may not keep more either", () => {
    const { store, put } = setUp({ maxBytes: 5000 });
    for (let n = 0; n < 100; n++) put("only", { size: 300 });
    expect(store.bytes).toBeLessThanOrEqual(5000);
    expect(kept(store, "only").at(-1)).toBe(100);
    put("only", { size: 6000 });
    expect(kept(store, "only")).toEqual([]);
    expect(store.logs.get("only")?.horizon).toBe(101);
  });

  test("the empty windows of all other channels are not visited", () => {
    const { store, put } = setUp({ maxBytes: 20_000 * 600, freesEmpty: false });
    for (let n = 0; n < 20_000; n++) put(`c${n}`, { size: 200 });
    const visit = vi.fn();
    const order = store.inUse;
    const iterate = order[Symbol.iterator].bind(order);
    order[Symbol.iterator] = function* walk() {
      for (const log of iterate()) {
        visit();
        yield log;
      }
    } as typeof iterate;
    for (let n = 0; n < 100; n++) put(`c${n}`, { size: 200 });
    expect(visit.mock.calls.length).toBeLessThan(1000);
  });
});

describe("sweeping", () => {
  const history = { maxAgeMs: 100 };

  test("drops messages that are too old on channels without new messages, then frees the channels", () => {
    const { store, put } = setUp({ history });
    put("a", { time: 1000 });
    put("b", { time: 1090 });
    sweepStore(store, 1101);
    expect(kept(store, "a")).toEqual([]);
    expect(store.logs.get("a")).toBeUndefined();
    expect(kept(store, "b")).toEqual([2]);
    sweepStore(store, 1300);
    expect(store.logs.size).toBe(0);
    expect(store.bytes).toBe(0);
    expect(store.freedHorizon).toBe(2);
    closeStore(store);
  });

  test("keeps the horizon of an empty channel as long as a reader may resume", () => {
    const { store, put } = setUp({ history: { maxAgeMs: 100, maxMessages: 0 } });
    put("a", { time: 1000 });
    sweepStore(store, 1050);
    expect(store.logs.get("a")?.horizon).toBe(1);
    expect(store.freedHorizon).toBe(0);
    sweepStore(store, 1101);
    expect(store.logs.get("a")).toBeUndefined();
    expect(store.freedHorizon).toBe(1);
    closeStore(store);
  });

  test("runs on one timer, which stops when all channels are freed", () => {
    vi.useFakeTimers();
    try {
      const { store, put } = setUp({ history: { maxAgeMs: 2000 } });
      for (const name of ["a", "b", "c"]) put(name, { time: Date.now() });
      expect(vi.getTimerCount()).toBe(1);
      vi.advanceTimersByTime(3100);
      expect(store.logs.size).toBe(0);
      expect(vi.getTimerCount()).toBe(0);
      put("a", { time: Date.now() });
      expect(vi.getTimerCount()).toBe(1);
      freeLog(store, store.logs.get("a") as TopicLog);
      expect(vi.getTimerCount()).toBe(0);
      put("a", { time: Date.now() });
      closeStore(store);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

test("the bytes are always exact, and no channel with dropped messages counts as complete", async () => {
  const anyStep = fc.record({
    do: fc.constantFrom(
      ...(["put", "put", "put", "put", "free", "sweep", "touch", "hydrate", "settle"] as const),
    ),
    channel: fc.constantFrom("a", "b", "c", "d", "longer/name"),
    key: fc.option(fc.constantFrom("k", "j"), { nil: undefined }),
    size: fc.integer({ min: 0, max: 600 }),
  });
  const anyCase = fc.record({
    steps: fc.array(anyStep, { maxLength: 120 }),
    maxBytes: fc.integer({ min: 500, max: 8000 }),
    freesEmpty: fc.boolean(),
    maxMessages: fc.constantFrom(0, 1, 3, 100),
    maxAgeMs: fc.constantFrom(5, 1000),
  });
  await fc.assert(
    fc.asyncProperty(anyCase, async ({ steps, maxBytes, freesEmpty, maxMessages, maxAgeMs }) => {
      const { store, put } = setUp({ maxBytes, freesEmpty, history: { maxMessages, maxAgeMs } });
      const truth: LogMessage[] = [];
      let now = 0;
      for (const step of steps) {
        const log = store.logs.get(step.channel);
        if (step.do === "put") {
          if (!freesEmpty && !log) {
            // As in a window: nothing is dropped before it is settled.
            openLog(store, step.channel).settled = now;
          }
          truth.push(put(step.channel, step));
          now = truth.at(-1)?.seq ?? 0;
        } else if (step.do === "free" && log) freeLog(store, log);
        else if (step.do === "sweep") sweepStore(store, now + step.size / 20);
        else if (step.do === "touch" && log) touchLog(store, log);
        else if (step.do === "hydrate" && log && !freesEmpty) {
          const own = truth.filter(({ channel }) => channel === step.channel);
          await storeHistory(store, log, { messages: own, horizon: 0 }, () => true);
        } else if (step.do === "settle" && !freesEmpty) {
          for (const each of store.logs.values()) each.settled = now;
          enforceTotal(store);
          const isEmpty = [...store.logs.values()].every(
            (each) => each.first === each.messages.length,
          );
          expect(isEmpty || store.bytes <= maxBytes).toBe(true);
        }
        expect(store.bytes).toBe(countBytes(store));
        // Windows are opened again with a subscription, which gives their first position.
        if (!freesEmpty) continue;
        expect(store.logs.size <= 1 || store.bytes <= maxBytes).toBe(true);
        for (const name of ["a", "b", "c", "d", "longer/name"]) {
          const base = store.logs.get(name)?.horizon ?? store.freedHorizon;
          const held = new Set(kept(store, name));
          const lost = truth.filter(
            ({ channel, seq, superseded }) =>
              channel === name && seq > base && !held.has(seq) && !superseded,
          );
          expect(lost).toEqual([]);
        }
      }
      for (const log of store.logs.values()) freeLog(store, log);
      expect(store).toMatchObject({ bytes: 0, sweepTimer: undefined });
      expect(store.inUse.size).toBe(0);
    }),
    { numRuns: 500 },
  );
});
