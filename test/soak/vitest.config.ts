import { defineConfig } from "vitest/config";

/** For `pnpm soak` alone: `pnpm test` does not wait that long. */
export default defineConfig({
  test: {
    root: new URL("../..", import.meta.url).pathname,
    include: ["test/soak/soak.ts"],
    pool: "forks",
    hookTimeout: 120_000,
    // Time that the load itself takes, and a margin to start, settle and end.
    testTimeout: Number(process.env.SSE_BUS_SOAK_MINUTES ?? 3) * 60_000 + 300_000,
  },
});
