import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { MAX_TIMER_MS } from "../core/timers.ts";
import { createWatchdog, silenceLimitMs } from "./watchdog.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

function setUp() {
  const onSilence = vi.fn<() => void>();
  const { expect: expectWithin, check } = createWatchdog(onSilence);
  return { onSilence, expectWithin, check };
}

/** The clock advances, and no timer runs. */
const sleep = (ms: number): void => void vi.setSystemTime(Date.now() + ms);

describe("a watchdog", () => {
  test("reports silence once, after the limit and not before", () => {
    const { onSilence, expectWithin } = setUp();
    expectWithin(37_500);
    vi.advanceTimersByTime(30_000);
    expectWithin(37_500);
    vi.advanceTimersByTime(37_499);
    expect(onSilence).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(onSilence).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(100_000);
    expect(onSilence).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("reports silence within five seconds after the computer wakes from sleep", () => {
    const { onSilence, expectWithin } = setUp();
    expectWithin(37_500);
    vi.advanceTimersByTime(1_000);
    sleep(3_600_000);
    vi.advanceTimersByTime(5_000);
    expect(onSilence).toHaveBeenCalledOnce();
  });

  test("reports silence immediately on check()", () => {
    const { onSilence, expectWithin, check } = setUp();
    expectWithin(37_500);
    check();
    expect(onSilence).not.toHaveBeenCalled();
    sleep(37_500);
    check();
    expect(onSilence).toHaveBeenCalledOnce();
  });

  test("does not wait forever after the clock was set back", () => {
    const { onSilence, expectWithin } = setUp();
    expectWithin(37_500);
    sleep(-86_400_000);
    vi.advanceTimersByTime(5_000);
    expect(onSilence).toHaveBeenCalledOnce();
  });

  test("that expects nothing has no timer", () => {
    const { onSilence, expectWithin, check } = setUp();
    expectWithin(37_500);
    expectWithin(0);
    sleep(100_000);
    check();
    vi.advanceTimersByTime(100_000);
    expect(onSilence).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a stream may be silent", () => {
  test.each([
    [15_000, 37_500],
    [400, 1_000],
    [0.5, 100],
    [1e300, MAX_TIMER_MS],
    [Infinity, MAX_TIMER_MS],
  ])("with a heartbeat of %d ms for %d ms", (heartbeatMs, limitMs) => {
    expect(silenceLimitMs(heartbeatMs)).toBe(limitMs);
  });

  test.each([undefined, null, NaN, 0, -1, -Infinity, "15000", "", true, [1], {}])(
    "with a heartbeat of %j, which is no time, as long as with that of the protocol",
    (heartbeatMs) => {
      expect(silenceLimitMs(heartbeatMs)).toBe(37_500);
    },
  );
});
