import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const react18 = fileURLToPath(
  new URL("packages/sse-bus/test/react-18/node_modules", import.meta.url),
);
const limits = {
  testTimeout: 30_000,
  hookTimeout: 120_000,
  // A second, the default, is less than a busy machine may take.
  expect: { poll: { timeout: 10_000 } },
};

/** Minutes of real outages and forty browser tabs: `pnpm test:long` runs these too. */
const exclude = [
  "**/node_modules/**",
  ...(process.env.SSE_BUS_LONG_TESTS ? [] : ["test/**/*.long.test.ts"]),
];

/** Bounds of latency, of memory and of the time that an end takes: with more neighbours they would measure those. */
const measured = [
  "test/proxies/**/*.test.ts",
  "test/backends/postgres-wakeups.test.ts",
  "test/direct-sink/slow-reader.test.ts",
  "test/e2e/dashboard-memory.long.test.ts",
  "test/hardening/*.long.test.ts",
  "test/next/{churn,drain}.test.ts",
];

/** Real servers, proxies and browsers. */
const onServers = {
  ...limits,
  // Some take ten seconds where nothing else runs, and browsers are slow to share a processor.
  testTimeout: 60_000,
  pool: "forks" as const,
  globalSetup: ["./test/support/global-setup.ts"],
};

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
        // The same tests of the hooks, on the older React that they support.
        resolve: {
          alias: [{ find: /^(react(?:-dom)?)(?=$|\/)/, replacement: `${react18}/$1` }],
        },
        test: {
          ...limits,
          name: "react-18",
          include: ["packages/sse-bus/src/react/**/*.test.tsx"],
          env: { REACT_MAJOR: "18" },
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...onServers,
          name: "integration",
          include: ["test/**/*.test.ts"],
          exclude: [...exclude, ...measured],
          // They wait more than they compute: three files at once keep two cores busy.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...onServers,
          name: "measured",
          include: measured,
          exclude,
          maxWorkers: process.env.SSE_BUS_LONG_TESTS ? 1 : 2,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
