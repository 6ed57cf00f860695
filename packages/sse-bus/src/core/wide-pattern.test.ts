import { describe, expect, onTestFinished, test } from "vitest";
import { createBus, internalsOf } from "./bus.ts";
import type { Bus, BusOptions } from "./bus-types.ts";
import { closeReader } from "./engine.ts";
import { openReader, type Start } from "./open-reader.ts";
import type { Packet } from "./packet.ts";
import type { Sink } from "./sink.ts";

const CHANNELS = 60;
const MESSAGES = 60_000;

async function fill(options: BusOptions = {}): Promise<Bus> {
  const bus = createBus({ maxHistoryBytes: 1e9, ...options });
  onTestFinished(() => bus.close());
  for (let n = 0; n < MESSAGES; n++) await bus.publish(n, { channel: `c/${n % CHANNELS}` });
  return bus;
}

/** A sink that takes everything, and records it. */
function collect() {
  const seqs: number[] = [];
  const gaps: Packet[] = [];
  const sink: Sink = {
    write(packet) {
      for (const { seq } of packet.messages) seqs.push(seq);
      if (packet.gap) gaps.push(packet);
      return true;
    },
    end() {},
  };
  return { seqs, gaps, sink };
}

/** Counts turns of the event loop until it is called again. */
function countTurns(): () => number {
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  return () => {
    isOver = true;
    return turns;
  };
}

const remote = { isLocal: false, isReady: true };

describe("a wide pattern's read of everything kept", () => {
  test("lets the event loop run other work", async () => {
    const bus = await fill();
    const { engine } = internalsOf(bus);
    const { seqs, sink } = collect();
    const turns = countTurns();
    const { reader } = await openReader(engine, {
      ...remote,
      topics: ["**"],
      start: "earliest",
      sink,
    });
    expect(turns()).toBeGreaterThan(10);
    expect(seqs).toHaveLength(MESSAGES);
    closeReader(engine, reader);
    expect(engine.topics.size).toBe(0);
    expect(engine.store.bytes).toBe(0);
  });

  test.each([
    ["whatever", {}],
    ["and evicted", { channels: { "c/0": { maxMessages: 50 } } }],
  ])(
    "is complete and in order with messages that are published %s during the read",
    async (_, channels) => {
      const bus = await fill({ history: { maxMessages: 1_000_000, ...channels } });
      const { engine } = internalsOf(bus);
      const { seqs, gaps, sink } = collect();
      const opening = openReader(engine, { ...remote, topics: ["**"], start: "earliest", sink });
      let isOpen = false;
      void opening.then(() => (isOpen = true));
      let published = MESSAGES;
      const evicting: number[] = [];
      while (!isOpen) {
        // On channels that are already read, not yet read, or new.
        for (const channel of ["c/0", "c/0", "c/1", `c/${CHANNELS - 1}`, "c/new"]) {
          await bus.publish("meanwhile", { channel });
          published++;
          if (channel === "c/0") evicting.push(published);
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
      await bus.publish("last", { channel: "c/1" });
      await expect.poll(() => seqs.at(-1)).toBe(published + 1);
      expect(gaps).toEqual([]);
      expect(seqs).toEqual([...new Set(seqs)].toSorted((a, b) => a - b));
      // From the newest message evicted before it began, far from the end.
      const first = seqs[0] as number;
      expect(first).toBe("channels" in channels ? first : 1);
      const held = new Set(seqs);
      const missing = Array.from({ length: published - first }, (__, n) => first + n).filter(
        (seq) =>
          !held.has(seq) && !evicting.includes(seq) && (seq > MESSAGES || seq % CHANNELS !== 1),
      );
      expect(missing).toEqual([]);
    },
  );

  test("happens once for all that request it at the same time", async () => {
    const bus = await fill();
    const { engine } = internalsOf(bus);
    let reads = 0;
    const { read } = engine.backend;
    Object.assign(engine.backend, {
      read: async (topic: string) => {
        reads++;
        return read(topic);
      },
    });
    const all = Array.from({ length: 20 }, () => collect());
    await Promise.all(
      all.map(({ sink }) =>
        openReader(engine, { ...remote, topics: ["**"], start: "earliest", sink }),
      ),
    );
    expect(reads).toBe(1);
    for (const { seqs } of all) expect(seqs).toHaveLength(MESSAGES);
  });

  test("stops when nothing waits for it any more", async () => {
    const bus = await fill();
    const { engine } = internalsOf(bus);
    const { sink } = collect();
    const opening = openReader(engine, { ...remote, topics: ["**"], start: "earliest", sink });
    await new Promise((resolve) => setImmediate(resolve));
    for (const reader of engine.readers) closeReader(engine, reader);
    await opening;
    expect(engine.topics.size).toBe(0);
    expect(engine.store.bytes).toBe(0);
    expect(engine.store.sweepTimer).toBeUndefined();
  });
});

describe("a replay that exceeds the limit of a request", () => {
  async function replay(start: Start, options: { maxReplayBytes: number; keys?: boolean }) {
    const bus = createBus();
    onTestFinished(() => bus.close());
    const ids: string[] = [];
    for (let n = 0; n < 20; n++) {
      const channel = n % 2 === 0 ? "a" : "b/1";
      const key = options.keys ? { key: "k" } : {};
      ids.push((await bus.publish(n, { channel, ...key })).id);
    }
    const from = typeof start === "object" ? { cursor: ids[1] as string } : start;
    const { seqs, gaps, sink } = collect();
    const { engine } = internalsOf(bus);
    const { maxReplayBytes } = options;
    const topics = ["a", "b/*", "**"];
    const opened = await openReader(engine, {
      ...remote,
      topics,
      start: from,
      sink,
      maxReplayBytes,
    });
    return { seqs, gaps, opened, ids };
  }

  test.each<Start>(["earliest", { cursor: "" }])(
    "from %j delivers the newest messages, after a gap that names all its channels",
    async (start) => {
      const { seqs, gaps, opened, ids } = await replay(start, { maxReplayBytes: 1000 });
      expect(seqs).toEqual([18, 19, 20]);
      expect(gaps.map(({ gap, to }) => ({ ...gap, seq: to.seq }))).toEqual([
        { channels: ["**", "a", "b/*"], reason: "evicted", seq: 17 },
      ]);
      expect(opened.resumed).toBe(false);
      // A connection that is cut before the gap receives it again.
      const from = typeof start === "object" ? Number.parseInt(ids[1] as string, 36) : 0;
      expect(Number.parseInt(opened.cursor, 36)).toBe(from);
    },
  );

  test("from the latest counts only what it delivers", async () => {
    const { seqs, gaps } = await replay("latest", { maxReplayBytes: 1000, keys: true });
    expect(seqs).toEqual([19, 20]);
    expect(gaps).toEqual([]);
  });

  test("does not happen if it fits, even if two logs hold the same message", async () => {
    const { seqs, gaps, opened } = await replay({ cursor: "" }, { maxReplayBytes: 8000 });
    expect(seqs).toHaveLength(18);
    expect(gaps).toEqual([]);
    expect(opened.resumed).toBe(true);
  });
});
