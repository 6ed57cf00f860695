import { SseBusError } from "../core/errors.ts";
import { assertCount, assertDuration } from "../core/history.ts";
import type { RedisClient } from "./clients.ts";

/** Settings of {@link redisBackend}. */
export interface RedisBackendOptions {
  /**
   * A client of `redis` or `ioredis`, of one server or a cluster, from which two connections are
   * made: one for commands, one for live messages. It need not be connected, is not used otherwise
   * and is not closed.
   */
  readonly client: RedisClient;
  /**
   * What keys and pub/sub channels begin with, in braces as a hash tag. Buses of one prefix are one
   * bus. @default "sse-bus"
   */
  readonly prefix?: string;
  /** How long an idempotency id is remembered, in ms. @default 3_600_000 (one hour) */
  readonly idempotencyMs?: number;
  /**
   * How often, in ms, all instances together prove that nothing is missing: quiet readers' cursors
   * move, and lost data and dead connections are noticed, in such steps. @default 1000
   */
  readonly markMs?: number;
  /** How long a connection may take to open, and a command to be answered, in ms. @default 5000 */
  readonly timeoutMs?: number;
  /**
   * How long publishes, reads and subscriptions wait for a lost connection to come back before they
   * reject, in ms. @default 1000
   */
  readonly waitMs?: number;
  /**
   * Announces by sharded pub/sub (Redis 7 or later), which stays on the node that holds the bus. The
   * same for all instances of a bus. @default true for a client of a cluster, else false
   */
  readonly sharded?: boolean | undefined;
}

export type RedisSettings = Required<Omit<RedisBackendOptions, "sharded">> &
  Pick<RedisBackendOptions, "sharded">;

/** @throws SseBusError `INVALID_OPTION` */
export function readSettings(options: RedisBackendOptions): RedisSettings {
  const settings = {
    prefix: "sse-bus",
    idempotencyMs: 3_600_000,
    markMs: 1000,
    timeoutMs: 5000,
    waitMs: 1000,
    ...options,
  };
  assertDuration(settings.markMs, "markMs");
  assertDuration(settings.timeoutMs, "timeoutMs");
  assertDuration(settings.waitMs, "waitMs", 0);
  assertCount(settings.idempotencyMs, "idempotencyMs");
  // Redis takes no endless PX.
  if (settings.idempotencyMs === Number.POSITIVE_INFINITY) {
    throw new SseBusError("INVALID_OPTION", "`idempotencyMs` must not be Infinity.");
  }
  if (typeof settings.prefix !== "string" || !/^[^{}\s]{1,100}$/.test(settings.prefix)) {
    throw new SseBusError(
      "INVALID_OPTION",
      "`prefix` must be 1 to 100 characters without white space or braces, which mark the hash tag.",
    );
  }
  return settings;
}
