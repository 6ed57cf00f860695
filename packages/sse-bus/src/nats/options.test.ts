import { expect, test } from "vitest";

import { natsBackend } from "./nats-backend.ts";
import type { NatsConnection } from "./client-types.ts";
import type { NatsBackendOptions } from "./options.ts";

const connection = async (): Promise<NatsConnection> => Promise.reject(new Error("not asked for"));

test.each<[string, Partial<NatsBackendOptions>]>([
  ["a stream's name that is a pattern", { stream: "a.*" }],
  ["an empty stream's name", { stream: "" }],
  ["a domain with a dot", { domain: "a.b" }],
  ["an inbox prefix with a wildcard", { inboxPrefix: "a.>" }],
  ["an inbox prefix that ends with a dot", { inboxPrefix: "_INBOX." }],
  ["no replica", { replicas: 0 }],
  ["no byte", { maxBytes: 0 }],
  ["a window that JetStream does not accept", { idempotencyWindowMs: 99 }],
  ["a heartbeat that JetStream does not accept", { heartbeatMs: 1 }],
  ["an infinite heartbeat", { heartbeatMs: Number.POSITIVE_INFINITY }],
  ["a timeout longer than the longest timer", { requestTimeoutMs: 2 ** 31 }],
  ["an infinite window", { idempotencyWindowMs: Number.POSITIVE_INFINITY }],
  ["an unknown storage", { storage: "disk" as never }],
  ["a URL for a connection", { connection: "nats://127.0.0.1" as never }],
  ["no connection", { connection: undefined as never }],
])("%s is rejected immediately", (_, options) => {
  expect(() => natsBackend({ connection, ...options })).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION" }),
  );
});
