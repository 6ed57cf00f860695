import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";

import { findProgram, locateProgram, remedy } from "./find-program.ts";
import { useNats } from "./nats.ts";
import { usePostgres } from "./postgres.ts";
import { useRedis } from "./redis.ts";
import { tempFolder } from "./temp-folder.ts";

afterEach(() => void vi.unstubAllEnvs());

test("a path in the environment takes precedence over PATH", async () => {
  await using folder = await tempFolder("programs");
  const path = join(folder.path, "my-redis");
  await writeFile(path, "");
  await chmod(path, 0o755);
  vi.stubEnv("REDIS_PATH", path);
  expect(await findProgram("redis")).toBe(path);
});

test("a path in the environment that does not exist is an error, without a fallback", () => {
  vi.stubEnv("REDIS_PATH", "/nowhere/redis-server");
  expect(() => locateProgram("redis")).toThrow("REDIS_PATH names /nowhere/redis-server");
});

test("a program is found on PATH before the usual folders", async () => {
  await using folder = await tempFolder("programs");
  const path = join(folder.path, "caddy");
  await writeFile(path, "");
  await chmod(path, 0o755);
  vi.stubEnv("PATH", folder.path);
  expect(locateProgram("caddy")).toBe(path);
});

test("the error for a missing program has the command to run and the variables to set", () => {
  vi.stubEnv("SSE_BUS_TEST_INSTALL", "0");
  expect(remedy("postgres")).toBe(
    "Run `apt-get install -y postgresql` as root (elsewhere `brew install postgresql`), " +
      "or put its path in POSTGRES_PATH, or a server's URL in SSE_BUS_TEST_POSTGRES_URL. " +
      "The tests install it themselves only as root on Debian.",
  );
});

test.each([
  { variable: "SSE_BUS_TEST_REDIS_URL", url: "redis://redis.example:6379", use: useRedis },
  { variable: "SSE_BUS_TEST_NATS_URL", url: "nats://nats.example:4222", use: useNats },
  { variable: "SSE_BUS_TEST_POSTGRES_URL", url: "postgres://db.example/x", use: usePostgres },
])("a server given by $variable is used unchanged", async ({ variable, url, use }) => {
  vi.stubEnv(variable, url);
  await using server = await use();
  expect(server.url).toBe(url);
});
