import { afterEach, expect, test, vi } from "vitest";
import { createBus } from "../index.ts";
import { takenPaths } from "../node/undocumented/take-over.ts";
import { registerSseBus } from "./register.ts";

afterEach(() => vi.unstubAllEnvs());

test("without the option nothing is taken over", async () => {
  await registerSseBus();
  await registerSseBus({});
  expect(takenPaths()).toEqual([]);
});

test("in development nothing is taken over, and a wrong option is reported", async () => {
  vi.stubEnv("NODE_ENV", "development");
  await using bus = createBus();
  await registerSseBus({ takeOver: { path: "/api/sse", bus } });
  expect(takenPaths()).toEqual([]);
  const heartbeatMs = 0;
  for (const takeOver of [
    { path: "api/sse", bus },
    { path: "/api/sse", bus, heartbeatMs },
  ]) {
    await expect(registerSseBus({ takeOver })).rejects.toMatchObject({ code: "INVALID_OPTION" });
  }
});

test("each path is taken over once, by the latest call, and its bus is connected", async () => {
  await using bus = createBus();
  await using other = createBus();
  await registerSseBus({ takeOver: { path: "/api/sse", bus: other } });
  await registerSseBus({ takeOver: { path: "/api/sse", bus } });
  await registerSseBus({ takeOver: { path: "/api/more", bus, heartbeatMs: 1000 } });
  expect(takenPaths()).toHaveLength(2);
  const [first, second] = takenPaths();
  expect(first?.context?.engine).toBe(second?.context?.engine);
  expect(first?.context?.engine.lifecycle.state).toBe("open");
});
