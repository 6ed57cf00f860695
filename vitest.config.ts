import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/support/longest-first.ts";

const root = fileURLToPath(new URL(".", import.meta.url));
const react18 = fileURLToPath(
  new URL("packages/sse-bus/test/react-18/node_modules", import.meta.url),
);
const limits = {
  setupFiles: [fileURLToPath(new URL("test/support/patient-waits.ts", import.meta.url))],
  testTimeout: 30_000,
  hookTimeout: 120_000,
  // A second, the default, is less than a busy machine may take.
  expect: { poll: { timeout: 10_000 } },
};

const isLong = Boolean(process.env.SSE_BUS_LONG_TESTS);

/** Minutes of real outages and forty browser tabs: `pnpm test:long` runs these too. */
const exclude = ["**/node_modules/**", ...(isLong ? [] : ["test/**/*.long.test.ts"])];

/** What needs no program and no built app. `pnpm check` runs these too. */
const documents = [
  "test/docs/{api-reference,architecture,error-pages,every-snippet,links,migrate-pages,navigation,prose,release,repository,snippets,workflows}.test.ts",
  "test/deploy/{dockerfiles,kubernetes,services}.test.ts",
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

const unitTests = filesBelow("packages", "apps").filter((file) =>
  /^(packages\/[^/]+\/(src|test)|apps\/[^/]+\/test)\/.*\.test\.tsx?$/.test(file),
);

/** Unit tests with a process of their own: they have a DOM, or count what the process has open or keeps. */
const isolated = unitTests.filter((file) =>
  /vitest-environment|getActiveResourcesInfo|liveHeap|testBackend/.test(
    readFileSync(join(root, file), "utf8"),
  ),
);

function filesBelow(...folders: string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      if (!entry.isDirectory()) return [path];
      return /^(node_modules|dist|\.next)$/.test(entry.name) ? [] : filesBelow(path);
    }),
  );
}

/** Real servers, proxies and browsers. */
const onServers = {
  ...limits,
  // Some take ten seconds where nothing else runs, and browsers are slow to share a processor.
  testTimeout: 120_000,
  // The first that needs the test app waits for its build, minutes on a busy machine.
  hookTimeout: 500_000,
  pool: "forks" as const,
  globalSetup: ["./test/support/global-setup.ts"],
};

export default defineConfig({
  test: {
    reporters: ["default", "./test/support/closing-line-reporter.ts"],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          ...limits,
          name: "docs",
          include: documents,
          maxWorkers: 4,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...limits,
          name: "unit",
          include: unitTests,
          exclude: isolated,
          // To start a process and to load the modules takes longer than most files.
          pool: "threads",
          isolate: false,
          // They wait more than they compute.
          maxWorkers: 4,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...limits,
          name: "unit-isolated",
          include: isolated,
          maxWorkers: 4,
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
          maxWorkers: 4,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...onServers,
          name: "integration",
          include: ["test/**/*.test.ts"],
          exclude: [...exclude, ...measured, ...documents],
          // They wait more than they compute: three files at once keep two cores busy.
          maxWorkers: 3,
          // A worker that runs one file after another loads the drivers of the browsers once. In a long run some
          // files import others, which only a new worker loads again.
          isolate: isLong,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...onServers,
          name: "measured",
          include: measured,
          exclude,
          maxWorkers: isLong ? 1 : 2,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
