import { afterEach, expect, test, vi } from "vitest";

import { createBus } from "./bus.ts";

afterEach(() => vi.unstubAllEnvs());

test("a cursor that `next build` would keep for ever is refused, and connects to nothing", async () => {
  vi.stubEnv("NEXT_PHASE", "phase-production-build");
  await using bus = createBus();
  await expect(bus.cursor()).rejects.toMatchObject({
    code: "CURSOR_AT_BUILD",
    message: expect.stringContaining("await connection()"),
  });
});

test.each(["phase-production-server", "phase-development-server", undefined])(
  "in the phase %s there is a cursor",
  async (phase) => {
    vi.stubEnv("NEXT_PHASE", phase);
    await using bus = createBus();
    expect(await bus.cursor()).toMatch(/^0-/);
  },
);
