import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openNetworkReader } from "../../../test/support/network-reader.ts";
import { createSharedLog, type LogLink } from "../../../test/support/shared-log.ts";
import { createBus, internalsOf } from "../bus.ts";
import type { Bus } from "../bus-types.ts";

const GRACE_MS = 1000;

interface Instance {
  readonly bus: Bus;
  readonly link: LogLink;
  readonly errors: (Error & { code?: string; cause?: unknown })[];
}

const log = { current: createSharedLog() };
let open: Instance[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  log.current = createSharedLog();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  const closing = Promise.all(open.map(({ bus }) => bus.close()));
  open = [];
  await vi.advanceTimersByTimeAsync(1000);
  await closing;
  vi.useRealTimers();
});

function openInstance(): Instance {
  const link = log.current.connect();
  const errors: Error[] = [];
  const bus = createBus({ backend: link.backend, onError: (error) => void errors.push(error) });
  const instance = { bus, link, errors };
  open.push(instance);
  return instance;
}

function countLeases({ link }: Instance): number {
  return link.published.filter(({ event }) => event === "instance").length;
}

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

/** Runs until its signal aborts, and says what happened. */
function createRun() {
  const events: string[] = [];
  const fences: (number | undefined)[] = [];
  const run = (signal: AbortSignal, { fence }: { fence: number | undefined }): Promise<void> => {
    events.push("start");
    fences.push(fence);
    return new Promise((resolve) => {
      signal.addEventListener("abort", () => {
        events.push("abort");
        resolve();
      });
    });
  };
  return { events, fences, run };
}

describe("demand", () => {
  test("starts the function with the first stream, and aborts its signal some time after the last one has left", async () => {
    const { bus } = openInstance();
    const { events, run } = createRun();
    bus.whileSubscribed("prices/*", run, { graceMs: GRACE_MS });
    await pass(10_000);
    expect(events).toEqual([]);
    const leaveFirst = await openNetworkReader(bus, "prices/eur");
    expect(events).toEqual(["start"]);
    const leaveSecond = await openNetworkReader(bus, "prices/usd", "other");
    leaveFirst();
    await pass(10_000);
    expect(events).toEqual(["start"]);
    leaveSecond();
    await pass(GRACE_MS - 1);
    expect(events).toEqual(["start"]);
    await pass(1);
    expect(events).toEqual(["start", "abort"]);
    await openNetworkReader(bus, "prices/eur");
    await pass(0);
    expect(events).toEqual(["start", "abort", "start"]);
  });

  test("continues without a break when a stream opens within the grace, whatever else changes in it", async () => {
    const [one, two] = [openInstance(), openInstance()];
    const { events, run } = createRun();
    one.bus.whileSubscribed("prices/*", run, { graceMs: GRACE_MS });
    const leave = await openNetworkReader(one.bus, "prices/eur");
    leave();
    await pass(GRACE_MS - 100);
    // What others watch changes nothing for this one.
    two.bus.whileSubscribed("other", () => {});
    await pass(50);
    const leaveAgain = await openNetworkReader(one.bus, "prices/eur");
    await pass(10_000);
    expect(events).toEqual(["start"]);
    leaveAgain();
    await pass(GRACE_MS - 100);
    two.bus.whileSubscribed("another", () => {});
    await pass(100);
    expect(events).toEqual(["start", "abort"]);
  });

  test.each([
    ["prices/eur", true],
    ["prices/*", true],
    ["prices/**", true],
    ["*/eur", true],
    ["prices", false],
    ["prices/eur/history", false],
    ["default", false],
    // It reads what there is, and asks for nothing in particular.
    ["**", false],
  ])("a stream of %s is a reader of prices/*: %s", async (topic, expected) => {
    const { bus } = openInstance();
    const { events, run } = createRun();
    bus.whileSubscribed("prices/*", run);
    await openNetworkReader(bus, topic);
    await pass(100);
    expect(events).toEqual(expected ? ["start"] : []);
  });

  test("a stream of everything is a reader of everything", async () => {
    const { bus } = openInstance();
    const { events, run } = createRun();
    bus.whileSubscribed("**", run);
    await openNetworkReader(bus, "**");
    await pass(100);
    expect(events).toEqual(["start"]);
  });

  test("is that of all instances, also of those that do not watch, and of streams that were open before", async () => {
    const [watching, hub] = [openInstance(), openInstance()];
    const leave = await openNetworkReader(hub.bus, "prices/eur");
    await pass(1000);
    expect(countLeases(hub)).toBe(0);
    const { events, run } = createRun();
    watching.bus.whileSubscribed("prices/*", run, { graceMs: GRACE_MS });
    await pass(100);
    expect(events).toEqual(["start"]);
    leave();
    await pass(250 + GRACE_MS + 10);
    expect(events).toEqual(["start", "abort"]);
    await openNetworkReader(hub.bus, "prices/usd");
    await pass(10);
    expect(events).toEqual(["start", "abort", "start"]);
  });

  test("of an instance that has died ends with its lease", async () => {
    const [watching, hub] = [openInstance(), openInstance()];
    await openNetworkReader(hub.bus, "prices/eur");
    const { events, run } = createRun();
    watching.bus.whileSubscribed("prices/*", run, { graceMs: 0 });
    await pass(100);
    hub.link.cut();
    await pass(3000);
    expect(events).toEqual(["start"]);
    await pass(4000);
    expect(events).toEqual(["start", "abort"]);
  });

  test("of subscribers counts only if asked for, on any instance", async () => {
    const [one, two] = [openInstance(), openInstance()];
    const streams = createRun();
    const both = createRun();
    one.bus.whileSubscribed("prices/*", streams.run);
    one.bus.whileSubscribed("prices/*", both.run, { countSubscribers: true, graceMs: GRACE_MS });
    const unsubscribe = two.bus.subscribe(() => {}, { channel: "prices/eur" });
    // An instance without streams, and without calls of its own, does not follow what the others watch.
    await pass(100);
    expect(both.events).toEqual([]);
    await openNetworkReader(two.bus, "other");
    await pass(100);
    expect(both.events).toEqual(["start"]);
    unsubscribe();
    await pass(10_000);
    expect(both.events).toEqual(["start", "abort"]);
    one.bus.subscribe(() => {}, { channel: "prices/eur" });
    await pass(100);
    expect(both.events).toEqual(["start", "abort", "start"]);
    expect(streams.events).toEqual([]);
  });
});

describe("a run", () => {
  test("that returns early is not repeated until the demand ends and starts again, and its signal aborts then", async () => {
    const { bus } = openInstance();
    const signals: AbortSignal[] = [];
    bus.whileSubscribed("a", (signal) => void signals.push(signal), { graceMs: 0 });
    const leave = await openNetworkReader(bus, "a");
    await pass(60_000);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    leave();
    await pass(1);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    await openNetworkReader(bus, "a");
    expect(signals).toHaveLength(2);
  });

  test.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw new Error("no feed");
      },
    ],
    [
      "rejects",
      async () => {
        throw new Error("no feed");
      },
    ],
  ])(
    "that %s is reported, its signal aborts, and it is called again after a wait that grows",
    async (_, fail) => {
      const { bus, errors } = openInstance();
      const signals: AbortSignal[] = [];
      bus.whileSubscribed("a", (signal) => {
        signals.push(signal);
        return fail();
      });
      await openNetworkReader(bus, "a");
      await pass(400);
      expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
      expect(errors).toMatchObject([{ code: "RUN_FAILED", cause: { message: "no feed" } }]);
      await pass(700);
      expect(signals).toHaveLength(2);
      await pass(300);
      expect(signals).toHaveLength(2);
      await pass(120_000);
      expect(signals.length).toBeGreaterThan(6);
      expect(signals.length).toBeLessThan(20);
      expect(errors).toHaveLength(signals.length);
    },
  );

  test("that rejects because its signal has aborted is no failure; any other rejection is", async () => {
    const { bus, errors } = openInstance();
    const untilAborted = (signal: AbortSignal): Promise<void> =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    bus.whileSubscribed("a", untilAborted, { graceMs: 0 });
    bus.whileSubscribed(
      "b",
      (signal) => untilAborted(signal).catch(() => Promise.reject(new Error("cannot stop"))),
      { graceMs: 0 },
    );
    const leave = await openNetworkReader(bus, "a", "b");
    leave();
    await pass(10);
    expect(errors).toMatchObject([{ code: "RUN_FAILED", cause: { message: "cannot stop" } }]);
    await pass(60_000);
    expect(errors).toHaveLength(1);
  });

  test("starts again only once the one before has returned; one that never returns is reported", async () => {
    const { bus, errors } = openInstance();
    const returns: (() => void)[] = [];
    bus.whileSubscribed("a", () => new Promise<void>((resolve) => returns.push(resolve)), {
      graceMs: 0,
    });
    const visit = async (): Promise<void> => {
      const leave = await openNetworkReader(bus, "a");
      leave();
      await pass(10);
    };
    await visit();
    await openNetworkReader(bus, "a");
    await pass(5000);
    expect(returns).toHaveLength(1);
    returns[0]?.();
    await pass(10);
    expect(returns).toHaveLength(2);
    expect(errors).toEqual([]);
  });

  test("that does not return after its signal has aborted is reported, and does not stop the next one", async () => {
    const { bus, errors } = openInstance();
    let calls = 0;
    bus.whileSubscribed("a", () => (calls++, new Promise(() => {})), { graceMs: 0 });
    const leave = await openNetworkReader(bus, "a");
    leave();
    await pass(10);
    await openNetworkReader(bus, "a");
    await pass(10_000);
    expect(calls).toBe(2);
    expect(errors).toMatchObject([{ code: "RUN_FAILED" }]);
  });
});

describe("a singleton", () => {
  /** Watches on every instance, and tells where it runs. */
  function startEverywhere(instances: readonly Instance[]) {
    const running = new Set<number>();
    const starts: { at: number; fence: number }[] = [];
    const overlaps: number[][] = [];
    const stops = instances.map(({ bus }, at) =>
      bus.whileSubscribed(
        "prices/*",
        (signal, { fence }) => {
          starts.push({ at, fence });
          running.add(at);
          if (running.size > 1) overlaps.push([...running]);
          return new Promise<void>((resolve) => {
            signal.addEventListener("abort", () => {
              running.delete(at);
              resolve();
            });
          });
        },
        { singleton: true, graceMs: GRACE_MS },
      ),
    );
    return { running, starts, overlaps, stops };
  }

  test("runs on one of three instances; when that one closes, another takes over immediately", async () => {
    const instances = [openInstance(), openInstance(), openInstance()];
    const { running, starts, overlaps } = startEverywhere(instances);
    await openNetworkReader((instances[0] as Instance).bus, "prices/eur");
    await openNetworkReader((instances[1] as Instance).bus, "prices/eur");
    await pass(500);
    expect(starts).toHaveLength(1);
    await pass(60_000);
    expect(starts).toHaveLength(1);
    const holder = instances[starts[0]?.at as number] as Instance;
    open = open.filter((instance) => instance !== holder);
    await holder.bus.close();
    expect(running.size).toBe(0);
    await pass(200);
    expect(starts).toHaveLength(2);
    expect(starts[1]?.fence).toBeGreaterThan(starts[0]?.fence as number);
    expect(overlaps).toEqual([]);
  });

  test("is released when the demand ends, and claimed again with a greater fencing number", async () => {
    const instances = [openInstance(), openInstance()];
    const { running, starts } = startEverywhere(instances);
    const leave = await openNetworkReader((instances[0] as Instance).bus, "prices/eur");
    await pass(500);
    leave();
    await pass(GRACE_MS + 500);
    expect(running.size).toBe(0);
    await openNetworkReader((instances[0] as Instance).bus, "prices/eur");
    await pass(500);
    expect(starts).toHaveLength(2);
    expect(starts[1]?.fence).toBeGreaterThan(starts[0]?.fence as number);
  });

  test.each(["cut", "delay"] as const)(
    "stops before another takes over when its instance cannot reach the log (%s), and continues elsewhere within three leases",
    async (failure) => {
      const instances = [openInstance(), openInstance(), openInstance()];
      const { running, starts, overlaps } = startEverywhere(instances);
      for (const { bus } of instances) await openNetworkReader(bus, "prices/eur");
      await pass(500);
      for (let round = 0; round < 4; round++) {
        const { at, fence } = starts.at(-1) as { at: number; fence: number };
        const { link } = instances[at] as Instance;
        link[failure]();
        await pass(15_000);
        expect(running.size).toBe(1);
        expect(running).not.toContain(at);
        expect(starts.at(-1)?.fence).toBeGreaterThan(fence);
        link.connect();
        await pass(10_000);
        expect(running.size).toBe(1);
      }
      expect(overlaps).toEqual([]);
    },
  );

  test("whose function fails is tried elsewhere", async () => {
    const [one, two] = [openInstance(), openInstance()];
    const calls: string[] = [];
    const options = { singleton: true, name: "feed" } as const;
    one.bus.whileSubscribed(
      "a",
      () => Promise.reject(new Error(String(calls.push("one")))),
      options,
    );
    await openNetworkReader(one.bus, "a");
    await pass(200);
    expect(calls).toEqual(["one"]);
    two.bus.whileSubscribed("a", () => void calls.push("two"), options);
    await pass(20_000);
    expect(calls).toContain("two");
    expect(one.errors).toMatchObject([{ code: "RUN_FAILED" }, ...one.errors.slice(1)]);
    const { length } = calls;
    await pass(60_000);
    expect(calls).toHaveLength(length);
  });

  test("continues when messages were lost, and nobody claims it in between", async () => {
    const instances = [openInstance(), openInstance(), openInstance()];
    const { starts, overlaps } = startEverywhere(instances);
    for (const { bus } of instances) await openNetworkReader(bus, "prices/eur");
    await pass(500);
    const holder = starts[0]?.at as number;
    const other = instances[(holder + 1) % 3] as Instance;
    for (let round = 0; round < 5; round++) {
      for (const { link } of [other, instances[holder] as Instance]) {
        link.delay();
        await pass(2000);
        link.lose();
        link.connect();
        await pass(3000);
      }
    }
    expect(starts).toHaveLength(1);
    expect(overlaps).toEqual([]);
  });
});

describe("messages to the backend", () => {
  test("are three per lease and instance, whatever it watches, holds, and has readers for", async () => {
    const instances = [openInstance(), openInstance(), openInstance()];
    for (const { bus } of instances) {
      for (let n = 0; n < 50; n++) {
        bus.whileSubscribed(`feeds/${n}`, () => {}, { singleton: n % 2 === 0 });
      }
      for (let n = 0; n < 50; n++) await openNetworkReader(bus, `feeds/${n}`);
    }
    await pass(10_000);
    const before = instances.map(({ link }) => link.published.length);
    await pass(60_000);
    // 60 s are 12 leases.
    const sent = instances.map(({ link }, n) => link.published.length - (before[n] as number));
    expect(
      sent.every((count) => count >= 35 && count <= 37),
      sent.join(),
    ).toBe(true);
  });

  test("are none while nobody watches, and a reader costs no call then", async () => {
    const { bus, link } = openInstance();
    await openNetworkReader(bus, "prices/eur");
    const { engine } = internalsOf(bus);
    expect(engine.onCohort).toBeUndefined();
    await pass(60_000);
    expect(link.published).toEqual([]);
    // The sweeps of the two stores.
    expect(vi.getTimerCount()).toBeLessThanOrEqual(2);
  });

  test("stop when all instances have stopped watching, on those that only have readers, too", async () => {
    const [watching, hub] = [openInstance(), openInstance()];
    await openNetworkReader(hub.bus, "prices/eur");
    const stop = watching.bus.whileSubscribed("prices/*", () => {});
    await pass(10_000);
    expect(countLeases(hub)).toBeGreaterThan(3);
    stop();
    await pass(1000);
    const before = [watching, hub].map(({ link }) => link.published.length);
    await pass(60_000);
    expect([watching, hub].map(({ link }) => link.published.length)).toEqual(before);
    expect(internalsOf(hub.bus).engine.onCohort).toBeUndefined();
  });

  test("are bounded when streams come and go quickly", async () => {
    const [watching, hub] = [openInstance(), openInstance()];
    watching.bus.whileSubscribed("prices/*", () => {});
    await pass(1000);
    const before = hub.link.published.length;
    for (let n = 0; n < 1000; n++) {
      const leave = await openNetworkReader(hub.bus, "prices/eur");
      await pass(5);
      leave();
      await pass(5);
    }
    // In 10 s: three per lease, and the first reader.
    expect(hub.link.published.length - before).toBeLessThan(12);
  });

  test("that fail are reported once for an outage", async () => {
    const { bus, link, errors } = openInstance();
    bus.whileSubscribed("a", () => {});
    await pass(1000);
    link.cut();
    await pass(60_000);
    expect(errors).toMatchObject([{ code: "BACKEND_UNAVAILABLE" }]);
    link.connect();
    await pass(5000);
    link.cut();
    await pass(5000);
    expect(errors).toHaveLength(2);
    link.connect();
  });
});

describe("the end", () => {
  test("of a call aborts the run and ends the lease; it can be called again", async () => {
    const [one, two] = [openInstance(), openInstance()];
    const { events, run } = createRun();
    const stop = one.bus.whileSubscribed("a", run);
    await openNetworkReader(two.bus, "a");
    await pass(100);
    expect(events).toEqual(["start"]);
    stop();
    stop();
    await pass(10);
    expect(events).toEqual(["start", "abort"]);
    expect(one.link.published.at(-1)).toMatchObject({ event: "end" });
    one.bus.whileSubscribed("a", run);
    await pass(100);
    expect(events).toEqual(["start", "abort", "start"]);
  });

  test("of the bus aborts the run, tells the others, and leaves no timer", async () => {
    const { bus, link, errors } = openInstance();
    open = [];
    const { events, run } = createRun();
    bus.whileSubscribed("a", run);
    bus.whileSubscribed("a", run, { singleton: true });
    bus.whileSubscribed("b", run, { singleton: true });
    await openNetworkReader(bus, "a");
    await pass(6000);
    expect(events).toEqual(["start", "start"]);
    const closed = bus.close();
    await pass(0);
    await closed;
    expect(events.filter((event) => event === "abort")).toHaveLength(2);
    expect(link.published.at(-1)).toMatchObject({ event: "end" });
    expect(vi.getTimerCount()).toBe(0);
    expect(errors).toEqual([]);
    expect(() => bus.whileSubscribed("a", run)).toThrow(/closed/);
  });

  test("of a bus whose run does not return is not held up", async () => {
    const { bus, link } = openInstance();
    open = [];
    bus.whileSubscribed("a", () => new Promise(() => {}));
    await openNetworkReader(bus, "a");
    await pass(100);
    const closed = bus.close();
    await pass(500);
    await closed;
    expect(link.published.at(-1)).toMatchObject({ event: "end" });
  });

  test("a second call with the same name replaces the first, whose run returns before the new one starts", async () => {
    const { bus } = openInstance();
    const events: string[] = [];
    const call = (version: string, name?: string) =>
      bus.whileSubscribed(
        "a",
        async (signal) => {
          events.push(`${version} starts`);
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
          await new Promise((resolve) => setTimeout(resolve, 100));
          events.push(`${version} has returned`);
        },
        { singleton: true, name },
      );
    const stopFirst = call("first", "feed");
    await openNetworkReader(bus, "a");
    await pass(500);
    call("second", "feed");
    await pass(500);
    expect(events).toEqual(["first starts", "first has returned", "second starts"]);
    stopFirst();
    await pass(500);
    expect(events).toHaveLength(3);
  });
});

test("nothing happens while `next build` renders pages", async () => {
  vi.stubEnv("NEXT_PHASE", "phase-production-build");
  const { bus, link } = openInstance();
  const { events, run } = createRun();
  const stop = bus.whileSubscribed("a", run, { countSubscribers: true });
  await pass(10_000);
  expect(internalsOf(bus).engine.lifecycle.state).toBe("created");
  expect(vi.getTimerCount()).toBe(0);
  expect([link.published, events]).toEqual([[], []]);
  stop();
});

test.each([
  ["a pattern that is none", () => ["a b", () => {}] as const, "INVALID_CHANNEL"],
  ["a reserved name", () => ["~control", () => {}] as const, "INVALID_CHANNEL"],
  ["no function", () => ["a", "run" as never] as const, "INVALID_OPTION"],
  ["a grace below 0", () => ["a", () => {}, { graceMs: -1 }] as const, "INVALID_OPTION"],
  ["a name that is none", () => ["a", () => {}, { name: "" }] as const, "INVALID_CHANNEL"],
])("%s is refused", (_, args, code) => {
  const { bus } = openInstance();
  expect(() => (bus.whileSubscribed as (...all: unknown[]) => unknown)(...args())).toThrow(
    expect.objectContaining({ code }),
  );
});

test("a bus has a limit of calls, and says so", () => {
  const { bus } = openInstance();
  const stops = Array.from({ length: 256 }, (_, n) => bus.whileSubscribed(`a/${n}`, () => {}));
  expect(() => bus.whileSubscribed("b", () => {})).toThrow(/256/);
  stops[0]?.();
  bus.whileSubscribed("b", () => {});
});

test.each([Number.NaN, 1e300, -1])(
  "a singleton runs, too, if the backend says that the time is %d",
  async (now) => {
    const link = log.current.connect();
    const backend = { ...link.backend, now: () => now };
    const bus = createBus({ backend, onError: () => {} });
    open.push({ bus, link, errors: [] });
    const { run, fences } = createRun();
    bus.whileSubscribed("work", run, { singleton: true });
    await openNetworkReader(bus, "work");
    await pass(10_000);
    expect(fences).toHaveLength(1);
  },
);
