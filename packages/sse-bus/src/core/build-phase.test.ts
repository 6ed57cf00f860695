import { afterEach, expect, test, vi } from "vitest";

import { createBus } from "./bus.ts";

afterEach(() => vi.unstubAllEnvs());

test("`cursor()` rejects at build time, where `next build` would keep it forever, and opens no connection", async () => {
  vi.stubEnv("NEXT_PHASE", "phase-production-build");
  await using bus = createBus();
  await expect(bus.cursor()).rejects.toMatchObject({
    code: "CURSOR_AT_BUILD",
    message: expect.stringContaining("await connection()"),
  });
});

test("`snapshot()` rejects at build time before it loads anything", async () => {
  vi.stubEnv("NEXT_PHASE", "phase-production-build");
  await using bus = createBus();
  const load = vi.fn();
  await expect(bus.snapshot(load)).rejects.toMatchObject({
    code: "CURSOR_AT_BUILD",
    message: expect.stringContaining("`bus.snapshot()`"),
  });
  expect(load).not.toHaveBeenCalled();
});

test.each(["phase-production-server", "phase-development-server", undefined])(
  "in the phase %s `cursor()` resolves",
  async (phase) => {
    vi.stubEnv("NEXT_PHASE", phase);
    await using bus = createBus();
    expect(await bus.cursor()).toMatch(/^0-/);
  },
);
