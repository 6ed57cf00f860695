import { Redis, Cluster } from "ioredis";
import { createClient, createCluster } from "redis";
import { expect, test } from "vitest";
import { redisBackend } from "./redis-backend.ts";
import type { RedisClient } from "./client-types.ts";

const client = createClient();

test("clients of both libraries are accepted with their own types, and neither connected nor changed", () => {
  const ioredis = new Redis({ lazyConnect: true });
  const clusters = [
    createCluster({ rootNodes: [{ url: "redis://127.0.0.1:1" }] }),
    new Cluster([{ port: 1 }], { lazyConnect: true }),
  ];
  for (const each of [client, ioredis, ...clusters] satisfies RedisClient[]) {
    expect(redisBackend({ client: each }).name).toBe("redis");
  }
  expect(client.isOpen).toBe(false);
  expect(ioredis.status).toBe("wait");
});

test.each([
  ["nothing", undefined],
  ["a URL", "redis://127.0.0.1"],
  ["another object", { duplicate() {} }],
])("%s is rejected as a client, and the error says what to pass", (_name, given) => {
  expect(() => redisBackend({ client: given as unknown as RedisClient })).toThrow(
    expect.objectContaining({
      code: "INVALID_OPTION",
      message: expect.stringContaining("ioredis"),
    }),
  );
});

test.each([
  { prefix: "" },
  { prefix: "a b" },
  { prefix: "{a}" },
  { markMs: 0 },
  { timeoutMs: Number.NaN },
  { waitMs: -1 },
  { markMs: Number.POSITIVE_INFINITY },
  { markMs: 2 ** 31 },
  { timeoutMs: Number.POSITIVE_INFINITY },
  { waitMs: 2 ** 40 },
  { idempotencyMs: Number.POSITIVE_INFINITY },
  { idempotencyMs: 0 },
])("%j is rejected", (options) => {
  expect(() => redisBackend({ client, ...options })).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION" }),
  );
});
