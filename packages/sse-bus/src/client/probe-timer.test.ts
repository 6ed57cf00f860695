import { expect, onTestFinished, test, vi } from "vitest";
import { createProbeTimer } from "./probe-timer.ts";

test("an overdue probe is made at once, without a negative wait", () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const delays = vi.spyOn(globalThis, "setTimeout");
  const probe = vi.fn<() => void>();
  const probes = createProbeTimer(probe, 1_000);
  probes.reset(false);
  // No timer ran in this time: the page may have been suspended.
  vi.setSystemTime(Date.now() + 60_000);
  probes.start();
  expect(delays.mock.lastCall?.[1]).toBe(0);
  vi.advanceTimersByTime(0);
  expect(probe).toHaveBeenCalledOnce();
  probes.stop();
});
