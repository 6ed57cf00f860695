import { defineConfig } from "vitest/config";

const limits = { testTimeout: 30_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    reporters: ["default", "./test/support/closing-line-reporter.ts"],
    projects: [
      {
        test: {
          ...limits,
          name: "unit",
          include: [
            "packages/*/src/**/*.test.{ts,tsx}",
            "packages/*/test/**/*.test.{ts,tsx}",
            "apps/*/test/**/*.test.{ts,tsx}",
          ],
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...limits,
          name: "integration",
          include: ["test/**/*.test.ts"],
          // Minutes of real outages and forty browser tabs: `pnpm test:long` runs these too.
          exclude: process.env.SSE_BUS_LONG_TESTS ? [] : ["test/**/*.long.test.ts"],
          // These tests own servers, browsers and latency bounds: two files at once would measure
          // each other. They run one by one, after the unit tests.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          pool: "forks",
          globalSetup: ["./test/support/global-setup.ts"],
        },
      },
    ],
  },
});
