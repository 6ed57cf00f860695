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

test("the built package exports exactly what it promises", async () => {
  const surface: Record<string, string[]> = {};
  for (const [subpath, target] of Object.entries(manifest.exports)) {
    const file = typeof target === "string" ? target : target.default;
    if (file.endsWith(".js")) surface[subpath] = await namesOf(file);
  }
  expect(surface).toMatchInlineSnapshot(`
    {
      ".": [
        "SseBusError",
        "createBus",
        "createMessage",
        "decodeChannelSegment",
        "drainStreams",
        "encodeChannelSegment",
        "inspectBus",
        "isSseBusError",
        "memoryBackend",
        "pollingBackend",
        "sharedBus",
        "topicCovers",
      ],
      "./backends": [
        "backendFromUrl",
      ],
      "./client": [
        "SseEventSource",
        "createSseClient",
        "decodeChannelSegment",
        "encodeChannelSegment",
      ],
      "./hub": [
        "createHub",
      ],
      "./jwt": [
        "jwtAuthorize",
      ],
      "./nats": [
        "natsBackend",
      ],
      "./next": [
        "createHealthRoute",
        "createMetricsRoute",
        "createPublishRoute",
        "createSseRoute",
        "isPublishingOpen",
        "registerSseBus",
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
        "useSse",
        "useSseStatus",
      ],
      "./redis": [
        "redisBackend",
      ],
      "./testing": [
        "createFakeStream",
        "createTestBus",
        "readEvents",
        "testBackend",
        "waitForStatus",
      ],
    }
  `);
});

test("what the edge runtime is given instead has the same names", async () => {
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

test("VERSION is the package's", () => {
  expect(VERSION).toBe(manifest.version);
});

async function namesOf(file: string): Promise<string[]> {
  const built = (await import(fileURLToPath(new URL(file, root)))) as object;
  return Object.keys(built).toSorted();
}
