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
  ["a window that JetStream does not take", { idempotencyWindowMs: 99 }],
  ["a beat that JetStream does not take", { heartbeatMs: 1 }],
  ["an endless beat", { heartbeatMs: Number.POSITIVE_INFINITY }],
  ["a timeout that is longer than a timer counts", { requestTimeoutMs: 2 ** 31 }],
  ["an endless window", { idempotencyWindowMs: Number.POSITIVE_INFINITY }],
  ["a storage that is none", { storage: "disk" as never }],
  ["a URL for a connection", { connection: "nats://127.0.0.1" as never }],
  ["no connection", { connection: undefined as never }],
])("%s is refused at once", (_, options) => {
  expect(() => natsBackend({ connection, ...options })).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION" }),
  );
});
