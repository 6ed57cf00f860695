import { cp } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { publish } from "../support/http-api.ts";
import { openStream } from "../support/event-stream.ts";
import { startNode } from "../support/next-server.ts";
import { useNats } from "../support/nats.ts";
import { type PackedApp, packedApp } from "../support/packed-app.ts";
import { freePort } from "../support/ports.ts";
import { usePostgres } from "../support/postgres.ts";
import { useRedis } from "../support/redis.ts";

let app: PackedApp;

beforeAll(async () => {
  app = await packedApp();
  await app.install("redis", "pg", "@nats-io/transport-node");
  await app.write({ "next.config.mjs": `export default { output: "standalone" };` });
}, 240_000);

afterAll(async () => app?.[Symbol.asyncDispose]());

describe.each(["turbopack", "webpack"] as const)("the standalone server of %s", (bundler) => {
  const standalone = (): string => join(app.folder, "..", bundler);

  beforeAll(async () => {
    await app.build(bundler);
    // A folder without access to the app's node_modules.
    await cp(join(app.folder, ".next/standalone"), standalone(), { recursive: true });
  }, 300_000);

  test.each([
    ["redis", useRedis],
    ["nats", useNats],
    ["postgres", usePostgres],
  ] as const)("contains everything to deliver through %s", async (_, use) => {
    await using backend = await use();
    const port = await freePort();
    await using server = await startNode(["server.js"], {
      port,
      folder: standalone(),
      env: {
        PORT: String(port),
        HOSTNAME: "127.0.0.1",
        SSE_BUS_URL: backend.url,
        SSE_BUS_OPEN_PUBLISH: "1",
      },
    });
    await using stream = await openStream(`${server.url}/api/sse`);
    await stream.next("hello");
    await publish(server.url, { data: "Hello" });
    expect((await stream.next("message")).json()).toBe("Hello");
  });
});
