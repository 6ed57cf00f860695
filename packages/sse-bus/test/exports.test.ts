import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { VERSION } from "../src/core/version.ts";

interface Manifest {
  readonly version: string;
  readonly exports: Readonly<Record<string, string | Conditions>>;
}

interface Conditions {
  readonly "edge-light": string;
  readonly default: string;
}

const root = new URL("..", import.meta.url);
const manifest = JSON.parse(await readFile(new URL("package.json", root), "utf8")) as Manifest;

// It loads every file of the package: four seconds where nothing else runs.
test("the built package exports exactly the documented names", { timeout: 100_000 }, async () => {
  const surface: Record<string, string[]> = {};
  for (const [subpath, target] of Object.entries(manifest.exports)) {
    const file = typeof target === "string" ? target : target.default;
    if (file.endsWith(".js")) surface[subpath] = await namesOf(file);
  }
  expect(surface).toMatchInlineSnapshot(`
    {
      ".": [
        "SseBusError",
        "counters",
        "createBus",
        "createMessage",
        "decodeChannelSegment",
        "defineLive",
        "drainStreams",
        "encodeChannelSegment",
        "inspectBus",
        "isSseBusError",
        "lastMessages",
        "memoryBackend",
        "newestByKey",
        "newestValue",
        "pollingBackend",
        "sharedBus",
        "topicCovers",
      ],
      "./ai": [
        "createChatRoutes",
      ],
      "./backends": [
        "backendFromUrl",
      ],
      "./client": [
        "SseEventSource",
        "createPresence",
        "createSseClient",
        "decodeChannelSegment",
        "encodeChannelSegment",
      ],
      "./hub": [
        "createHub",
      ],
      "./inspector": [
        "createInspectorHandler",
        "tokenAuthorize",
      ],
      "./jwt": [
        "jwtAuthorize",
      ],
      "./nats": [
        "natsBackend",
      ],
      "./next": [
        "createHealthRoute",
        "createInspectorRoute",
        "createMetricsRoute",
        "createPresenceRoute",
        "createPublishRoute",
        "createSseRoute",
        "isPublishingOpen",
        "registerSseBus",
      ],
      "./node": [
        "createHealthHandler",
        "createInspectorHandler",
        "createMetricsHandler",
        "createPresenceHandler",
        "createPublishHandler",
        "createSseHandler",
        "drainBus",
        "drainOnSignal",
      ],
      "./otel": [
        "traced",
      ],
      "./postgres": [
        "migrate",
        "migrationSql",
        "postgresBackend",
      ],
      "./react": [
        "SseProvider",
        "useChannel",
        "useLive",
        "usePresence",
        "useRefresh",
        "useServerTime",
        "useSse",
        "useSseStatus",
        "useTask",
        "useTasks",
      ],
      "./redis": [
        "redisBackend",
      ],
      "./streams": [
        "createStreams",
      ],
      "./tasks": [
        "createTasks",
        "tasksPattern",
      ],
      "./testing": [
        "createFakeStream",
        "createTestBus",
        "readEvents",
        "testBackend",
        "waitForStatus",
      ],
      "./web": [
        "createHealthHandler",
        "createInspectorHandler",
        "createMetricsHandler",
        "createPresenceHandler",
        "createPublishHandler",
        "createSseHandler",
        "drainBus",
      ],
    }
  `);
});

test("the edge runtime's replacement exports the same names", async () => {
  let count = 0;
  for (const target of Object.values(manifest.exports)) {
    if (typeof target === "string") continue;
    expect(await namesOf(target["edge-light"])).toEqual(await namesOf(target.default));
    count++;
  }
  expect(count).toBe(2);
});

test("client modules of React keep their directive in the build", async () => {
  const built = await readFile(new URL("dist/react/use-channel.js", root), "utf8");
  expect(built.startsWith('"use client"')).toBe(true);
});

test("VERSION is the package's version", () => {
  expect(VERSION).toBe(manifest.version);
});

async function namesOf(file: string): Promise<string[]> {
  const built = (await import(fileURLToPath(new URL(file, root)))) as object;
  return Object.keys(built).toSorted();
}
