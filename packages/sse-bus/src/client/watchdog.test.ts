import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createWatchdog } from "./watchdog.ts";

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

/** The clock goes on, and no timer runs. */
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

  test("reports silence at once on check()", () => {
    const { onSilence, expectWithin, check } = setUp();
    expectWithin(37_500);
    check();
    expect(onSilence).not.toHaveBeenCalled();
    sleep(37_500);
    check();
    expect(onSilence).toHaveBeenCalledOnce();
  });

  test("does not wait for ever after the clock was set back", () => {
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
