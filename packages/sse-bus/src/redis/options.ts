import { SseBusError } from "../core/errors.ts";
import { assertCount, assertDuration } from "../core/history.ts";
import type { RedisClient } from "./client-types.ts";

/** Settings of {@link redisBackend}. */
export interface RedisBackendOptions {
  /**
   * A client of `redis` or `ioredis`, for one server or a cluster. The backend duplicates it to open
   * two connections of its own: one for commands, one for pub/sub. The client need not be connected,
   * and the backend never closes it.
   */
  readonly client: RedisClient;
  /**
   * The start of all keys and pub/sub channels, used as a hash tag (in braces). Buses with the same
   * prefix are one bus. @default "sse-bus"
   */
  readonly prefix?: string;
  /** How long an idempotency id is remembered, in ms. @default 3_600_000 (one hour) */
  readonly idempotencyMs?: number;
  /**
   * How often the instances of a bus check together that no message is missing, in ms. With each
   * check, cursors of quiet streams move forward, and lost data and dead connections are detected.
   * @default 1000
   */
  readonly markMs?: number;
  /** Time limit for opening a connection and for the answer to a command, in ms. @default 5000 */
  readonly timeoutMs?: number;
  /**
   * How long publishes, reads and subscriptions wait for a lost connection before they reject, in
   * ms. @default 1000
   */
  readonly waitMs?: number;
  /**
   * Announces messages by sharded pub/sub (Redis 7 or later), which stays on the cluster node that
   * holds the bus. Must be the same for all instances of a bus. @default true for a cluster client,
   * otherwise false
   */
  readonly sharded?: boolean | undefined;
}

/** The options, checked and with all defaults. */
export type ResolvedRedisOptions = Required<Omit<RedisBackendOptions, "sharded">> &
  Pick<RedisBackendOptions, "sharded">;

/** @throws SseBusError `INVALID_OPTION` */
export function resolveRedisOptions(options: RedisBackendOptions): ResolvedRedisOptions {
  const resolved = {
    prefix: "sse-bus",
    idempotencyMs: 3_600_000,
    markMs: 1000,
    timeoutMs: 5000,
    waitMs: 1000,
    ...options,
  };
  assertDuration(resolved.markMs, "markMs");
  assertDuration(resolved.timeoutMs, "timeoutMs");
  assertDuration(resolved.waitMs, "waitMs", 0);
  assertCount(resolved.idempotencyMs, "idempotencyMs");
  // Redis has no PX without an end.
  if (resolved.idempotencyMs === Number.POSITIVE_INFINITY) {
    throw new SseBusError("INVALID_OPTION", "`idempotencyMs` must not be Infinity.");
  }
  if (typeof resolved.prefix !== "string" || !/^[^{}\s]{1,100}$/.test(resolved.prefix)) {
    throw new SseBusError(
      "INVALID_OPTION",
      "`prefix` must be 1 to 100 characters without white space or braces, which mark the hash tag.",
    );
  }
  return resolved;
}
