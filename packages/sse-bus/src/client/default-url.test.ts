import { afterEach, expect, test, vi } from "vitest";

import { defaultUrl } from "./default-url.ts";

afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});

test("the stream's route is below the basePath that Next.js writes into the bundle", () => {
  expect(defaultUrl()).toBe("/api/sse");
  vi.stubEnv("__NEXT_ROUTER_BASEPATH", "/shop");
  expect(defaultUrl()).toBe("/shop/api/sse");
});

test("where there is no `process`, as in a browser without a bundler, there is no basePath", () => {
  vi.stubGlobal("process", undefined);
  expect(defaultUrl()).toBe("/api/sse");
});
