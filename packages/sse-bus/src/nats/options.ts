import { SseBusError } from "../core/errors.ts";
import { assertCount, assertDuration } from "../core/history.ts";
import type { NatsConnection } from "./client-types.ts";

/** Settings of {@link natsBackend}. */
export interface NatsBackendOptions {
  /**
   * A NATS connection, or a function that opens one.
   *
   * A connection stays yours: it stays open when the bus closes. With a function, the backend owns
   * the connection: it opens it with the bus, opens another one if it closes for good, and closes it
   * with the bus. Let the client reconnect without a limit (`maxReconnectAttempts: -1`).
   */
  readonly connection: NatsConnection | (() => Promise<NatsConnection>);
  /**
   * The JetStream stream that stores the log of the bus, and the first token of its subjects. Each
   * bus needs its own stream. The backend creates it if it does not exist. @default "sse-bus"
   */
  readonly stream?: string;
  /** Where the server stores a stream that the backend creates. @default "file" */
  readonly storage?: "file" | "memory";
  /** The number of servers that store a stream that the backend creates: 1, 3 or 5. @default 1 */
  readonly replicas?: number;
  /** The size limit of a stream that the backend creates, in bytes for all channels. @default 1_073_741_824 */
  readonly maxBytes?: number;
  /** How long an idempotency id is remembered, in ms. @default 120_000 */
  readonly idempotencyWindowMs?: number;
  /** Time limit for every answer of the server, in ms. @default 5_000 */
  readonly requestTimeoutMs?: number;
  /**
   * How often the server sends a heartbeat on a quiet bus, in ms. After three missing heartbeats the
   * backend reconnects to the stream. @default 2_000
   */
  readonly heartbeatMs?: number;
  /** The JetStream domain, if the server is a leaf node or a hub of leaf nodes. */
  readonly domain?: string;
  /** The `inboxPrefix` of the connection, if it is not the default. @default "_INBOX" */
  readonly inboxPrefix?: string;
}

/** The options, checked and with all defaults. */
export type ResolvedNatsOptions = Required<Omit<NatsBackendOptions, "domain">> & {
  readonly domain: string | undefined;
};

/** @throws SseBusError `INVALID_OPTION` */
export function resolveNatsOptions(options: NatsBackendOptions): ResolvedNatsOptions {
  const resolved: ResolvedNatsOptions = {
    connection: options.connection,
    stream: options.stream ?? "sse-bus",
    storage: options.storage ?? "file",
    replicas: options.replicas ?? 1,
    maxBytes: options.maxBytes ?? 1_073_741_824,
    idempotencyWindowMs: options.idempotencyWindowMs ?? 120_000,
    requestTimeoutMs: options.requestTimeoutMs ?? 5_000,
    heartbeatMs: options.heartbeatMs ?? 2_000,
    domain: options.domain,
    inboxPrefix: options.inboxPrefix ?? "_INBOX",
  };
  // The name is a token of subjects, so it must contain no character with a meaning there.
  if (!/^[A-Za-z0-9_-]{1,100}$/.test(resolved.stream)) {
    throw invalid("`stream` must be 1 to 100 of A-Z a-z 0-9 _ -.");
  }
  if (resolved.domain !== undefined && !/^[A-Za-z0-9_-]{1,100}$/.test(resolved.domain)) {
    throw invalid("`domain` must be 1 to 100 of A-Z a-z 0-9 _ -.");
  }
  if (!/^[A-Za-z0-9_$-]+(\.[A-Za-z0-9_$-]+)*$/.test(resolved.inboxPrefix)) {
    throw invalid("`inboxPrefix` must be a subject without wildcards, and not end with a dot.");
  }
  if (resolved.storage !== "file" && resolved.storage !== "memory") {
    throw invalid('`storage` must be "file" or "memory".');
  }
  const { connection } = resolved;
  const isConnection = typeof (connection as { request?: unknown } | null)?.request === "function";
  if (typeof connection !== "function" && !isConnection) {
    throw invalid("`connection` must be a NATS connection, or a function that makes one.");
  }
  assertCount(resolved.replicas, "replicas");
  assertCount(resolved.maxBytes, "maxBytes");
  // JetStream accepts no shorter window and no shorter heartbeat.
  assertDuration(resolved.idempotencyWindowMs, "idempotencyWindowMs", 100);
  assertDuration(resolved.heartbeatMs, "heartbeatMs", 100);
  assertDuration(resolved.requestTimeoutMs, "requestTimeoutMs");
  return resolved;
}

function invalid(message: string): SseBusError {
  return new SseBusError("INVALID_OPTION", message);
}
