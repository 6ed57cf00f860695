import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { VERSION } from "../src/core/version.ts";

interface Manifest {
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
}

const root = new URL("..", import.meta.url);
const manifest = JSON.parse(await readFile(new URL("package.json", root), "utf8")) as Manifest;

test("the built package exports exactly what it promises", async () => {
  const surface: Record<string, string[]> = {};
  for (const [subpath, file] of Object.entries(manifest.exports)) {
    if (!file.endsWith(".js")) continue;
    const built = (await import(fileURLToPath(new URL(file, root)))) as object;
    surface[subpath] = Object.keys(built).toSorted();
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
        "logBackend",
        "memoryBackend",
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

test("client modules of React keep their directive in the build", async () => {
  const built = await readFile(new URL("dist/react/use-channel.js", root), "utf8");
  expect(built.startsWith('"use client"')).toBe(true);
});

test("VERSION is the package's", () => {
  expect(VERSION).toBe(manifest.version);
});
