import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createRefresher, MAX_REFRESH_MS } from "./refresher.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  const left = vi.getTimerCount();
  vi.useRealTimers();
  if (left > 0) throw new Error(`${left} timers are left`);
});

const WINDOW_MS = 1_000;

/** A call of the view: when it started, what the database had then, and how it ends. */
interface Call {
  readonly at: number;
  readonly version: number;
  readonly succeed: () => void;
  readonly fail: () => void;
}

/** A view of a database that is nothing but a number of changes. */
function createView(answer: (call: Call) => void = ({ succeed }) => succeed()) {
  const calls: Call[] = [];
  const errors: unknown[] = [];
  const view = { database: 0, shown: 0, isHidden: false, calls, errors };
  const refresher = createRefresher({
    windowMs: () => WINDOW_MS,
    isHeld: () => view.isHidden,
    onError: (error) => errors.push(error),
    refresh: async () => {
      const version = view.database;
      await new Promise<void>((resolve, reject) => {
        const call: Call = {
          at: Date.now(),
          version,
          succeed: resolve,
          fail: () => reject(new Error("no answer")),
        };
        calls.push(call);
        answer(call);
      });
      view.shown = Math.max(view.shown, version);
    },
  });
  return {
    ...refresher,
    view,
    change() {
      view.database++;
      refresher.request();
    },
    show(isShown: boolean) {
      view.isHidden = !isShown;
      refresher.check();
    },
  };
}

const pass = async (ms: number) => vi.advanceTimersByTimeAsync(ms);

test("the first message refreshes at once, and those that arrive with it need no other call", async () => {
  const { change, view } = createView();
  for (let n = 0; n < 10; n++) change();
  await pass(0);
  expect(view.shown).toBe(10);
  await pass(60_000);
  expect(view.calls).toHaveLength(1);
});

test("1,000 messages within a window cost two calls", async () => {
  const { change, view } = createView();
  for (let n = 0; n < 1_000; n++) {
    change();
    await pass(WINDOW_MS / 1_000 - 0.01);
  }
  await pass(60_000);
  expect(view.calls).toHaveLength(2);
  expect(view.shown).toBe(1_000);
});

test("messages without an end cost one call a window", async () => {
  const { change, view } = createView();
  for (let n = 0; n < 1_000; n++) {
    await pass(10);
    change();
  }
  expect(view.calls).toHaveLength(10_000 / WINDOW_MS);
  await pass(2 * WINDOW_MS);
});

test("a message that arrives while a call runs causes one more after it, however long it takes", async () => {
  const { change, view } = createView(({ succeed }) => void setTimeout(succeed, 5_000));
  change();
  await pass(10);
  for (let n = 0; n < 100; n++) change();
  await pass(4_000);
  expect(view.calls).toHaveLength(1);
  await pass(60_000);
  expect(view.calls).toHaveLength(2);
  expect(view.shown).toBe(101);
});

describe("a call that fails", () => {
  test("is reported, and does not stop later ones", async () => {
    const { change, view } = createView(({ fail }) => fail());
    change();
    await pass(WINDOW_MS);
    change();
    await pass(WINDOW_MS);
    expect(view.calls).toHaveLength(2);
    expect(view.errors).toEqual([new Error("no answer"), new Error("no answer")]);
  });

  test("also when the function throws at once, or rejects with nothing", async () => {
    const errors: unknown[] = [];
    let answer = (): unknown => {
      throw new Error("at once");
    };
    const { request } = createRefresher({
      refresh: () => answer(),
      windowMs: () => 10,
      isHeld: () => false,
      onError: (error) => errors.push(error),
    });
    request();
    await pass(10);
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- what a user's code may do
    answer = async () => Promise.reject();
    request();
    await pass(10);
    expect(errors).toEqual([new Error("at once"), undefined]);
  });

  test("starts no other by itself, but with the next check", async () => {
    const answers = ["fail", "succeed"] as const;
    const { check, change, view } = createView((call) => call[answers[view.calls.length - 1]!]());
    change();
    await pass(60_000);
    expect([view.calls.length, view.shown]).toEqual([1, 0]);
    check();
    await pass(60_000);
    expect([view.calls.length, view.shown]).toEqual([2, 1]);
    check();
    await pass(60_000);
    expect(view.calls).toHaveLength(2);
  });
});

test("a promise that never settles holds up the next call for a limited time", async () => {
  const { change, view } = createView(() => {});
  change();
  await pass(10);
  change();
  await pass(MAX_REFRESH_MS - 20);
  expect(view.calls).toHaveLength(1);
  await pass(20);
  expect(view.calls).toHaveLength(2);
  await pass(MAX_REFRESH_MS);
});

test("a hidden page waits, and makes one call when it is shown", async () => {
  const { change, show, view } = createView();
  show(false);
  for (let n = 0; n < 100; n++) {
    change();
    await pass(500);
  }
  expect(view.calls).toHaveLength(0);
  show(true);
  await pass(60_000);
  expect([view.calls.length, view.shown]).toEqual([1, 100]);
});

test("showing and hiding a page without messages calls nothing", async () => {
  const { show, change, view } = createView();
  change();
  await pass(60_000);
  for (let n = 0; n < 10; n++) {
    show(false);
    show(true);
    await pass(60_000);
  }
  expect(view.calls).toHaveLength(1);
});

describe("stop", () => {
  test("leaves no timer, and a later check makes the call that was due", async () => {
    const { change, stop, check, view } = createView();
    change();
    await pass(0);
    change();
    stop();
    expect(vi.getTimerCount()).toBe(0);
    await pass(60_000);
    expect(view.calls).toHaveLength(1);
    check();
    await pass(60_000);
    expect([view.calls.length, view.shown]).toEqual([2, 2]);
  });

  test("during a call makes it due again: its result may never be shown", async () => {
    const { change, stop, check, view } = createView(({ succeed }) => void setTimeout(succeed, 10));
    change();
    await pass(1);
    stop();
    await pass(60_000);
    expect(view.calls).toHaveLength(1);
    check();
    await pass(60_000);
    expect(view.calls).toHaveLength(2);
  });

  test("during a slow call is no reason to overtake it", async () => {
    const { change, stop, check, view } = createView(
      ({ succeed }) => void setTimeout(succeed, 5_000),
    );
    change();
    await pass(1);
    stop();
    change();
    await pass(4_000);
    expect(view.calls).toHaveLength(1);
    stop();
    check();
    await pass(60_000);
    expect([view.calls.length, view.shown]).toEqual([2, 2]);
  });

  test("does not end the time limit of a call that never settles", async () => {
    const { change, stop, check, view } = createView(() => {});
    change();
    await pass(10);
    stop();
    await pass(10);
    check();
    await pass(MAX_REFRESH_MS + 10);
    expect(view.calls).toHaveLength(2);
    stop();
  });

  test("is idempotent, and also possible during the call itself", async () => {
    let stop = (): void => {};
    const refresher = createRefresher({
      refresh: () => stop(),
      windowMs: () => 10,
      isHeld: () => false,
      onError: () => {},
    });
    stop = refresher.stop;
    refresher.request();
    await pass(0);
    expect(vi.getTimerCount()).toBe(0);
    stop();
  });
});

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant("change" as const) }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant("pass" as const), ms: fc.nat(2_500) }) },
  fc.record({ type: fc.constantFrom("hide" as const, "show" as const, "check" as const) }),
);
/** How long a call takes, and how it ends. */
const ending = fc.record({
  ms: fc.oneof(fc.constant(0), fc.nat(500), fc.nat(5_000), fc.constant(2 * MAX_REFRESH_MS)),
  isSuccess: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
});
/** SSE_BUS_MODEL_RUNS=20000 for a long run; each test stops after two minutes at the latest. */
const limits = {
  numRuns: Number(process.env.SSE_BUS_MODEL_RUNS ?? 300),
  interruptAfterTimeLimit: 120_000,
};

test("whatever happens: no two calls start within a window, and the last call starts after the last change", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.array(ending, { minLength: 1 }),
      async (steps, endings) => {
        const { view, change, show, check } = createView(({ succeed, fail }) => {
          const { ms, isSuccess } = endings[(view.calls.length - 1) % endings.length]!;
          setTimeout(isSuccess ? succeed : fail, ms);
        });
        let isHidden = false;
        for (const one of steps) {
          if (one.type === "change") change();
          else if (one.type === "pass") await pass(one.ms);
          else if (one.type === "check") check();
          else {
            isHidden = one.type === "hide";
            show(!isHidden);
          }
          if (isHidden) {
            const { length } = view.calls;
            await pass(0);
            expect(view.calls).toHaveLength(length);
          }
        }
        show(true);
        await pass(10 * MAX_REFRESH_MS);
        const starts = view.calls.map(({ at }) => at);
        starts.forEach((at, n) =>
          expect(at - (starts[n - 1] ?? -Infinity)).toBeGreaterThanOrEqual(WINDOW_MS),
        );
        expect(view.calls.at(-1)?.version ?? 0).toBe(view.database);
        // At rest, the view equals its database, unless the last call failed.
        if (endings.every(({ isSuccess }) => isSuccess)) expect(view.shown).toBe(view.database);
        expect(vi.getTimerCount()).toBe(0);
      },
    ),
    limits,
  );
}, 150_000);

test("whatever fails: the view equals its database after the next check", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.array(ending),
      async (steps, endings) => {
        const { view, change, show, check, stop } = createView(({ succeed, fail }) => {
          const { ms, isSuccess } = endings[view.calls.length - 1] ?? { ms: 10, isSuccess: true };
          setTimeout(isSuccess ? succeed : fail, ms);
        });
        for (const one of steps) {
          if (one.type === "change") change();
          else if (one.type === "pass") await pass(one.ms);
          else if (one.type === "check") stop();
          else show(one.type === "show");
        }
        show(true);
        for (let n = 0; n <= endings.length; n++) {
          await pass(3 * MAX_REFRESH_MS);
          check();
        }
        await pass(3 * MAX_REFRESH_MS);
        expect(view.shown).toBe(view.database);
      },
    ),
    limits,
  );
}, 150_000);
