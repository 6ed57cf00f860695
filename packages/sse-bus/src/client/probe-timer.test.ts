import { expect, onTestFinished, test, vi } from "vitest";
import { createProbeTimer } from "./probe-timer.ts";

test("an overdue probe is made at once, without a negative wait", async () => {
  // Not the timers: Vitest restores spies after the file, and the next file would get the fake timer.
  vi.useFakeTimers({ toFake: ["Date"] });
  const delays = vi.spyOn(globalThis, "setTimeout");
  onTestFinished(() => {
    delays.mockRestore();
    vi.useRealTimers();
  });
  const probe = vi.fn<() => void>();
  const probes = createProbeTimer(probe, 60_000);
  probes.reset(false);
  // No timer ran in this time: the page may have been suspended.
  vi.setSystemTime(Date.now() + 3_600_000);
  probes.start();
  expect(delays.mock.lastCall?.[1]).toBe(0);
  await expect.poll(() => probe.mock.calls.length).toBe(1);
  probes.stop();
});
