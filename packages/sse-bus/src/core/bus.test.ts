import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { createLaggingServer } from "../../test/support/lagging-server.ts";
import { openTestReader, turn, turns } from "../../test/support/test-sink.ts";
import type { Backend } from "./backend.ts";
import { createBus, internalsOf } from "./bus.ts";
import type { Message } from "./bus-types.ts";
import { SseBusError } from "./errors.ts";
import { memoryBackend } from "./memory-backend.ts";
import type { Gap } from "./packet.ts";

/** Long enough for a busy machine. */
const WAIT = { timeout: 10_000 };

test("when `publish` resolves, the subscribers of the same process have been called", async () => {
  await using bus = createBus();
  const seen: unknown[] = [];
  bus.subscribe((data) => seen.push(data));
  await bus.publish({ hello: "world" });
  expect(seen).toEqual([{ hello: "world" }]);
  await bus.publish("again");
  expect(seen).toEqual([{ hello: "world" }, "again"]);
});

test("a subscriber that starts after a message id receives exactly the messages after it, in order, then live ones", async () => {
  await using bus = createBus();
  const ids: string[] = [];
  for (let n = 1; n <= 5; n++) ids.push((await bus.publish(n)).id);
  const seen: unknown[] = [];
  bus.subscribe((data) => seen.push(data), { after: ids[1] });
  await bus.publish(6);
  expect(seen).toEqual([3, 4, 5, 6]);
});

describe("publishing", () => {
  test("keeps the order of calls that are not awaited, also across microtasks", async () => {
    const anyHops = fc.array(fc.integer({ min: 0, max: 7 }), { minLength: 2, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(anyHops, fc.boolean(), async (hops, listens) => {
        await using bus = createBus();
        const seen: unknown[] = [];
        const published: Promise<unknown>[] = [];
        for (const [index, count] of hops.entries()) {
          if (listens && index % 3 === 0) bus.subscribe((data) => index === 0 && seen.push(data));
          published.push(bus.publish(index));
          for (let n = 0; n < count; n++) await Promise.resolve();
        }
        const ids = (await Promise.all(published)).map((message) => (message as Message).id);
        expect(ids).toEqual(
          ids.toSorted((a, b) => Number.parseInt(a, 36) - Number.parseInt(b, 36)),
        );
        if (listens) expect(seen).toEqual([...hops.keys()]);
      }),
      { numRuns: 200 },
    );
  });

  test("a thousand in one turn keep their order, and a hundred are stored per turn", async () => {
    await using bus = createBus();
    const { engine } = internalsOf(bus);
    const { sink } = await openTestReader(engine, ["default"]);
    const packets: number[] = [];
    sink.onWrite = ({ messages }) => packets.push(messages.length);
    const numbers = Array.from({ length: 1000 }, (_, n) => n);
    await Promise.all(numbers.map(async (n) => bus.publish(n)));
    await turns();
    expect(sink.values).toEqual(numbers);
    expect(Math.max(...packets)).toBeLessThanOrEqual(100);
  });

  test("each burst of ten leaves in one packet, whatever was published before", async () => {
    await using bus = createBus();
    const { sink } = await openTestReader(internalsOf(bus).engine, ["default"]);
    const packets: number[] = [];
    await bus.publish("not a multiple of ten");
    await turns();
    sink.onWrite = ({ messages }) => packets.push(messages.length);
    for (let burst = 0; burst < 40; burst++) {
      await Promise.all(Array.from({ length: 10 }, async (_, n) => bus.publish(n)));
      await turns();
    }
    expect(packets).toEqual(Array.from({ length: 40 }, () => 10));
  });

  test.each(["without readers", "with a subscriber", "with an open stream"])(
    "in a long loop of awaits does not block the event loop, %s",
    async (who) => {
      await using bus = createBus();
      let heard = 0;
      if (who === "with a subscriber") bus.subscribe(() => heard++);
      const stream =
        who === "with an open stream"
          ? await openTestReader(internalsOf(bus).engine, ["default"])
          : undefined;
      let ticks = 0;
      const timer = setInterval(() => ticks++, 0);
      const turn = setImmediate(function again() {
        ticks++;
        if (ticks < 1e6) immediate = setImmediate(again);
      });
      let immediate = turn;
      for (let n = 0; n < 5000; n++) await bus.publish(n);
      clearInterval(timer);
      clearImmediate(immediate);
      expect(ticks).toBeGreaterThan(20);
      await turns();
      if (who === "with a subscriber") expect(heard).toBe(5000);
      if (stream) expect(stream.sink.values).toHaveLength(5000);
    },
  );

  test("an invalid publish rejects immediately and changes nothing, also while others wait", async () => {
    await using bus = createBus({ maxMessageBytes: 100 });
    const published = bus.publish(1);
    await expect(bus.publish("x".repeat(99))).rejects.toMatchObject({ code: "MESSAGE_TOO_LARGE" });
    await expect(bus.publish(1, { channel: "a b" })).rejects.toMatchObject({
      code: "INVALID_CHANNEL",
    });
    await expect(bus.publish(1, { event: "ping" })).rejects.toMatchObject({
      code: "INVALID_EVENT_NAME",
    });
    await expect(bus.publish(1, { key: "a\n" })).rejects.toMatchObject({ code: "INVALID_KEY" });
    await expect(bus.publish(1, { id: "" })).rejects.toMatchObject({ code: "INVALID_ID" });
    await expect(bus.publish(undefined)).rejects.toMatchObject({ code: "INVALID_DATA" });
    const { id } = await bus.publish("x".repeat(98));
    expect(id.startsWith("2-")).toBe(true);
    expect((await published).id.startsWith("1-")).toBe(true);
  });

  test("counts the bytes of the wire, not characters", async () => {
    await using bus = createBus({ maxMessageBytes: 62 });
    await bus.publish("ä".repeat(30));
    await expect(bus.publish("ä".repeat(31))).rejects.toThrow(/64 bytes of data .* 62/);
    await expect(bus.publish("😀".repeat(16))).rejects.toMatchObject({ code: "MESSAGE_TOO_LARGE" });
  });

  test("with a repeated id resolves to the first message's position, and no reader receives it twice", async () => {
    await using bus = createBus();
    const seen: unknown[] = [];
    bus.subscribe((data) => seen.push(data));
    const first = await bus.publish(1, { id: "once" });
    const second = await bus.publish(1, { id: "once" });
    expect(second).toMatchObject({ id: first.id, duplicate: true });
    expect(seen).toEqual([1]);
    expect(bus.stats().published).toBe(1);
  });
});

describe("a subscriber", () => {
  test("that throws or rejects is reported, and the others receive every message", async () => {
    const errors: Error[] = [];
    await using bus = createBus({ onError: (error) => errors.push(error) });
    const seen: unknown[] = [];
    bus.subscribe(() => {
      throw new Error("thrown");
    });
    bus.subscribe(async () => Promise.reject(new Error("rejected")));
    bus.subscribe((data) => seen.push(data));
    await bus.publish(1);
    await bus.publish(2);
    await turn();
    expect(seen).toEqual([1, 2]);
    expect(errors.map(({ cause }) => (cause as Error).message).toSorted()).toEqual([
      "rejected",
      "rejected",
      "thrown",
      "thrown",
    ]);
    for (const error of errors) expect(error).toMatchObject({ code: "LISTENER_FAILED" });
  });

  test("that throws is logged to the console if `onError` throws as well", async () => {
    const shown = vi.spyOn(console, "error").mockImplementation(() => {});
    await using bus = createBus({
      onError: () => {
        throw new Error("onError is broken too");
      },
    });
    const seen: unknown[] = [];
    bus.subscribe(() => {
      throw new Error("thrown");
    });
    bus.subscribe((data) => seen.push(data));
    await bus.publish(1);
    expect(seen).toEqual([1]);
    expect(shown).toHaveBeenCalled();
    shown.mockRestore();
  });

  test("may unsubscribe itself and others while it is called, and no unsubscribed one is called again", async () => {
    await using bus = createBus();
    const seen: string[] = [];
    const stops: (() => void)[] = [];
    for (const name of ["a", "b", "c", "d"]) {
      stops.push(
        bus.subscribe((data) => {
          seen.push(`${name}${String(data)}`);
          if (name === "b") for (const index of [0, 1, 2]) stops[index]?.();
        }),
      );
    }
    await bus.publish(1);
    await bus.publish(2);
    expect(seen).toEqual(["a1", "b1", "d1", "d2"]);
    expect(bus.stats().listeners).toBe(1);
    stops[3]?.();
    stops[3]?.();
    expect(bus.stats()).toMatchObject({ listeners: 0, channels: 0 });
  });

  test("may publish: every reader receives the new message after the one it was called with", async () => {
    await using bus = createBus();
    const seen: unknown[][] = [[], []];
    bus.subscribe((data) => {
      seen[0]?.push(data);
      if (data === "ask") void bus.publish("answer");
    });
    bus.subscribe((data) => seen[1]?.push(data));
    await bus.publish("ask");
    await bus.publish("next");
    for (const each of seen) expect(each).toEqual(["ask", "answer", "next"]);
  });

  test("that publishes to itself forever does not block the event loop", async () => {
    await using bus = createBus();
    let count = 0;
    const stop = bus.subscribe((data) => {
      count++;
      void bus.publish(data);
    });
    await bus.publish(0);
    // Polling needs timers, which do not run in a turn that never ends.
    await expect.poll(() => count).toBeGreaterThan(100);
    stop();
    await turns();
    const before = count;
    await turns();
    expect(count).toBe(before);
  });

  test("may add subscribers, which receive the messages that follow", async () => {
    await using bus = createBus();
    const late: unknown[] = [];
    bus.subscribe((data) => {
      if (data === 1) bus.subscribe((data) => late.push(data));
    });
    await bus.publish(1);
    await bus.publish(2);
    expect(late).toEqual([2]);
  });

  test("may close the bus, and no subscriber is called after that", async () => {
    const bus = createBus();
    const seen: unknown[] = [];
    let closing: Promise<void> | undefined;
    bus.subscribe((data) => {
      seen.push(data);
      closing = bus.close();
    });
    bus.subscribe((data) => seen.push(data));
    await bus.publish(1);
    await closing;
    expect(seen).toEqual([1]);
    expect(bus.stats()).toMatchObject({ status: "closed", listeners: 0, channels: 0 });
    await expect(bus.publish(2)).rejects.toMatchObject({ code: "BUS_CLOSED" });
    expect(() => bus.subscribe(() => {})).toThrow(expect.objectContaining({ code: "BUS_CLOSED" }));
  });

  test("that ends before it is live is never called, and leaks nothing", async () => {
    await using bus = createBus();
    const { engine } = internalsOf(bus);
    let calls = 0;
    for (let n = 0; n < 10; n++) bus.subscribe(() => calls++)();
    await bus.publish(1);
    await turns();
    expect(calls).toBe(0);
    expect(bus.stats()).toMatchObject({ listeners: 0, channels: 0 });
    expect(engine).toMatchObject({ topics: new Map(), cohorts: new Map(), readers: new Set() });
  });

  test("that starts during an outage gets one gap, and receives what is published from then on", async () => {
    const errors: Error[] = [];
    const server = createLaggingServer();
    const line = server.connect();
    await using bus = createBus({ backend: line.backend, onError: (error) => errors.push(error) });
    await bus.publish(1);
    line.cut();
    const seen: unknown[] = [];
    bus.subscribe((data) => seen.push(data));
    await turns();
    expect(errors).toMatchObject([{ code: "BACKEND_UNAVAILABLE" }]);
    expect(bus.stats()).toMatchObject({ listeners: 1, channels: 0 });
    // From another process, which still reaches the server.
    server.publish({ json: "2" });
    line.restore();
    await bus.publish(3);
    await vi.waitFor(() => expect(seen).toEqual([2, 3]), WAIT);
    expect(errors).toHaveLength(1);
  });

  test("that starts before the server is up receives the first message of its own process", async () => {
    const line = createLaggingServer().connect();
    let isThere = false;
    const open: Backend["open"] = async (host) => {
      if (!isThere) throw new SseBusError("BACKEND_UNAVAILABLE", "Not started yet.");
      return line.backend.open(host);
    };
    await using bus = createBus({ backend: { ...line.backend, open }, onError() {} });
    const seen: unknown[] = [];
    bus.subscribe((data) => seen.push(data));
    await expect(bus.publish(1)).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
    isThere = true;
    await bus.publish(2);
    await turns();
    expect(seen).toEqual([2]);
  });

  test("that the backend rejects is retried with growing pauses until it is accepted", async () => {
    vi.useFakeTimers();
    try {
      const line = createLaggingServer().connect();
      const attempts: number[] = [];
      let isRefused = true;
      const subscribe: Backend["subscribe"] = async (topic, feed) => {
        attempts.push(Date.now());
        if (isRefused) throw new SseBusError("BACKEND_UNAVAILABLE", "NOPERM");
        return line.backend.subscribe(topic, feed);
      };
      const errors: Error[] = [];
      const onError = (error: Error): void => void errors.push(error);
      await using bus = createBus({ backend: { ...line.backend, subscribe }, onError });
      const seen: unknown[] = [];
      bus.subscribe((data) => seen.push(data));
      await vi.advanceTimersByTimeAsync(60_000);
      const gaps = attempts.slice(1).map((at, n) => at - (attempts[n] as number));
      expect(gaps[0]).toBeLessThanOrEqual(250);
      expect(Math.min(...gaps.slice(5))).toBeGreaterThanOrEqual(2500);
      expect(Math.max(...gaps)).toBeLessThanOrEqual(5000);
      expect(errors).toHaveLength(1);
      isRefused = false;
      await vi.advanceTimersByTimeAsync(5000);
      await bus.publish(1);
      await vi.advanceTimersByTimeAsync(10);
      expect(seen).toEqual([1]);
    } finally {
      vi.useRealTimers();
    }
  });

  test.each(["the subscriber ends", "the bus closes"])(
    "that waits for the server leaves no timer and no pending promise when %s",
    async (how) => {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      try {
        const line = createLaggingServer().connect();
        await using bus = createBus({ backend: line.backend, onError() {} });
        const { engine } = internalsOf(bus);
        await bus.cursor();
        line.cut();
        const unsubscribe = bus.subscribe(() => {});
        await turns();
        expect([vi.getTimerCount(), engine.onceUp.size]).toEqual([1, 1]);
        if (how === "the bus closes") await bus.close();
        else unsubscribe();
        expect([vi.getTimerCount(), engine.onceUp.size]).toEqual([0, 0]);
        line.restore();
        await turns();
        expect(bus.stats()).toMatchObject({ listeners: 0, channels: 0 });
        expect(engine.readers.size).toBe(0);
      } finally {
        vi.useRealTimers();
      }
    },
  );

  test("that starts after an unknown cursor gets a gap, then everything kept", async () => {
    const errors: Error[] = [];
    await using bus = createBus({ onError: (error) => errors.push(error) });
    await bus.publish(1);
    const seen: unknown[] = [];
    const gaps: Gap[] = [];
    bus.subscribe((data) => seen.push(data), {
      after: "5-0-other",
      onGap: (gap) => gaps.push(gap),
    });
    bus.subscribe(() => {}, { after: "5-0-other" });
    await bus.publish(2);
    expect(seen).toEqual([1, 2]);
    expect(gaps).toEqual([{ channels: ["default"], reason: "restarted" }]);
    expect(errors).toMatchObject([{ code: "GAP" }]);
  });

  test.each(["", "x", "1-2", "1-2-3\n", 5 as unknown as string])(
    "rejects %j as a cursor",
    async (after) => {
      await using bus = createBus();
      expect(() => bus.subscribe(() => {}, { after })).toThrow(
        expect.objectContaining({ code: "INVALID_CURSOR" }),
      );
    },
  );
});

describe("closing", () => {
  test("is one promise for all callers, and resolves when the backend is closed", async () => {
    let isClosed = false;
    const inner = memoryBackend();
    const backend = {
      ...inner,
      async close() {
        await turn();
        await inner.close();
        isClosed = true;
      },
    };
    const bus = createBus({ backend });
    await bus.publish(1);
    await Promise.all([
      bus.close().then(() => expect(isClosed).toBe(true)),
      bus.close().then(() => expect(isClosed).toBe(true)),
    ]);
    await bus.close();
  });

  test("a bus that was never used does not close the log that another bus uses", async () => {
    const backend = memoryBackend();
    await using used = createBus({ backend });
    await used.publish(1);
    const idle = createBus({ backend });
    await idle.close();
    await used.publish(2);
    expect(await used.cursor()).toMatch(/^2-/);
  });

  test.each([0, 1, 5])(
    "while the backend opens for %i turns, closes it and does not hang",
    async (duration) => {
      const calls: string[] = [];
      const inner = memoryBackend();
      const backend = {
        ...inner,
        async open(host: Parameters<typeof inner.open>[0]) {
          calls.push("opening");
          await turns(duration);
          await inner.open(host);
          calls.push("opened");
        },
        async close() {
          calls.push("closed");
          await inner.close();
        },
      };
      const bus = createBus({ backend });
      const published = bus.publish(1).catch((error: unknown) => error);
      const listening = bus.subscribe(() => {});
      await bus.close();
      expect(calls).toContain("closed");
      expect(await published).toMatchObject({ code: "BUS_CLOSED" });
      await turns();
      expect(calls.at(-1)).toBe("closed");
      await expect(inner.readHead()).rejects.toMatchObject({ code: "BUS_CLOSED" });
      listening();
    },
  );

  test("a backend that never opens does not prevent the bus from closing", async () => {
    const backend = { ...memoryBackend(), open: async () => new Promise<void>(() => {}) };
    const bus = createBus({ backend });
    void bus.publish(1).catch(() => {});
    await bus.close();
    expect(bus.stats().status).toBe("closed");
  });

  test("first delivers what has been published", async () => {
    const bus = createBus();
    const { sink } = await openTestReader(internalsOf(bus).engine, ["default"]);
    await bus.publish(1);
    expect(sink.values).toEqual([]);
    await bus.close();
    expect(sink.values).toEqual([1]);
    expect(sink.ended).toEqual(["closed"]);
  });

  test("the next call retries an opening that failed", async () => {
    const inner = memoryBackend();
    let failures = 1;
    const backend = {
      ...inner,
      async open(host: Parameters<typeof inner.open>[0]) {
        if (failures-- > 0) throw new Error("not yet");
        await inner.open(host);
      },
    };
    await using bus = createBus({ backend });
    await expect(bus.publish(1)).rejects.toThrow("not yet");
    expect((await bus.publish(2)).id).toMatch(/^1-/);
  });
});

describe("a log in memory", () => {
  test("that all buses have left is not complete for a bus that opens later", async () => {
    const backend = memoryBackend();
    const before = createBus({ backend });
    const { id } = await before.publish(1);
    await before.publish(2);
    await before.close();
    await using after = createBus({ backend });
    const seen: unknown[] = [];
    const gaps: Gap[] = [];
    after.subscribe((data) => seen.push(data), { after: id, onGap: (gap) => gaps.push(gap) });
    after.subscribe((data) => seen.push(data), {
      channel: "other",
      after: id,
      onGap: (gap) => gaps.push(gap),
    });
    await after.publish(3);
    expect(seen).toEqual([3]);
    expect(gaps).toMatchObject([{ channels: ["default"] }, { channels: ["other"] }]);
  });

  test("is shared by several buses: each receives what the others publish, and reads what it missed", async () => {
    const backend = memoryBackend();
    await using one = createBus({ backend });
    await using two = createBus({ backend });
    const seen: unknown[] = [];
    const { id } = await one.publish(1);
    await one.publish(2);
    two.subscribe((data) => seen.push(data), { after: id });
    await two.cursor();
    await turn();
    await one.publish(3);
    await two.publish(4);
    await turn();
    expect(seen).toEqual([2, 3, 4]);
  });
});
