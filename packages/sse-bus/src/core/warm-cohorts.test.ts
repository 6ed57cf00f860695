import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Cohort } from "./cohort.ts";
import { createWarmCohorts, WARM_MS } from "./warm-cohorts.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const cohort = (key: string): Cohort => ({ key }) as unknown as Cohort;

function setUp() {
  const released: string[] = [];
  return { released, warm: createWarmCohorts(({ key }) => released.push(key)) };
}

test("a cohort is released when it was not kept again for a while", () => {
  const { released, warm } = setUp();
  const [a, b] = [cohort("a"), cohort("b")];
  warm.keep(a);
  warm.keep(b);
  vi.advanceTimersByTime(WARM_MS - 1);
  warm.keep(a);
  vi.advanceTimersByTime(1);
  expect(released).toEqual(["b"]);
  expect(warm.has(a)).toBe(true);
  vi.advanceTimersByTime(WARM_MS);
  expect(released).toEqual(["b", "a"]);
  expect(vi.getTimerCount()).toBe(0);
});

test("no more than a thousand are kept", () => {
  const { released, warm } = setUp();
  for (let n = 0; n < 1001; n++) warm.keep(cohort(`${n}`));
  expect(released).toEqual(["0"]);
  warm.close();
  expect(vi.getTimerCount()).toBe(0);
  expect(released).toEqual(["0"]);
  warm.keep(cohort("late"));
  expect(vi.getTimerCount()).toBe(0);
});
