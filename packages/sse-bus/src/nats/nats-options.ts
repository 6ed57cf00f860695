import { SseBusError } from "../core/errors.ts";
import { assertCount, assertDuration } from "../core/history.ts";
import type { NatsConnection } from "./nats-connection.ts";

export interface NatsBackendOptions {
  /**
   * A connection of yours, which stays open when the bus closes; or a function that makes one,
   * which is then the backend's: made when the bus opens, made again should it close for good, and
   * closed with the bus. Let it reconnect for ever (`maxReconnectAttempts: -1`).
   */
  readonly connection: NatsConnection | (() => Promise<NatsConnection>);
  /**
   * The JetStream stream that is the bus's log, and the first token of its subjects. One bus, one
   * stream. Made when it is not there. @default "sse-bus"
   */
  readonly stream?: string;
  /** Where the server keeps a stream that this backend makes. @default "file" */
  readonly storage?: "file" | "memory";
  /** Servers that keep a stream that this backend makes: 1, 3 or 5. @default 1 */
  readonly replicas?: number;
  /** Bytes of a stream that this backend makes, all channels together. @default 1_073_741_824 */
  readonly maxBytes?: number;
  /** How long an idempotency id is remembered, in ms. @default 120_000 */
  readonly idempotencyWindowMs?: number;
  /** How long any answer of the server may take, in ms. @default 5_000 */
  readonly requestTimeoutMs?: number;
  /**
   * The server's sign of life on a quiet bus, in ms; after three missing ones the line is taken for
   * dead. @default 2_000
   */
  readonly heartbeatMs?: number;
  /** The JetStream domain, where the server is a leaf node or a hub of one. */
  readonly domain?: string;
  /** Where answers go, if the connection has an `inboxPrefix` of its own. @default "_INBOX" */
  readonly inboxPrefix?: string;
}

export type NatsSettings = Required<Omit<NatsBackendOptions, "domain">> & {
  readonly domain: string | undefined;
};

/** @throws SseBusError `INVALID_OPTION` */
export function readNatsOptions(options: NatsBackendOptions): NatsSettings {
  const settings: NatsSettings = {
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
  // The stream's name is a token of subjects too, so it may hold nothing that means something there.
  if (!/^[A-Za-z0-9_-]{1,100}$/.test(settings.stream)) {
    throw invalid("`stream` must be 1 to 100 of A-Z a-z 0-9 _ -.");
  }
  if (settings.domain !== undefined && !/^[A-Za-z0-9_-]{1,100}$/.test(settings.domain)) {
    throw invalid("`domain` must be 1 to 100 of A-Z a-z 0-9 _ -.");
  }
  if (!/^[A-Za-z0-9_$-]+(\.[A-Za-z0-9_$-]+)*$/.test(settings.inboxPrefix)) {
    throw invalid("`inboxPrefix` must be a subject without wildcards, and not end with a dot.");
  }
  if (settings.storage !== "file" && settings.storage !== "memory") {
    throw invalid('`storage` must be "file" or "memory".');
  }
  const { connection } = settings;
  const isConnection = typeof (connection as { request?: unknown } | null)?.request === "function";
  if (typeof connection !== "function" && !isConnection) {
    throw invalid("`connection` must be a NATS connection, or a function that makes one.");
  }
  assertCount(settings.replicas, "replicas");
  assertCount(settings.maxBytes, "maxBytes");
  // JetStream takes no shorter window, and no shorter beat.
  assertDuration(settings.idempotencyWindowMs, "idempotencyWindowMs", 100);
  assertDuration(settings.heartbeatMs, "heartbeatMs", 100);
  assertDuration(settings.requestTimeoutMs, "requestTimeoutMs");
  return settings;
}

function invalid(message: string): SseBusError {
  return new SseBusError("INVALID_OPTION", message);
}
