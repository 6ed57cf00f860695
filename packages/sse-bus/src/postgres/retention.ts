import type { BackendHost } from "../core/backend.ts";
import { finite, type LogFunctions } from "./log-functions.ts";
import type { ResolvedPostgresOptions } from "./options.ts";
import { isStatementError, toBackendError } from "./errors.ts";
import { startTimeout } from "../core/timers.ts";

/** Deletes messages that exceed the limits of `history`. One process at a time does it. */
export interface PostgresRetention {
  start(): void;
  close(): Promise<void>;
}

const CHANNELS_AT_ONCE = 200;
/** The most rounds in one run; the next run does the rest. */
const MAX_ROUNDS = 100;
const IDS_AT_ONCE = 10_000;

export function createRetention(
  log: LogFunctions,
  options: ResolvedPostgresOptions,
  host: BackendHost,
): PostgresRetention {
  const { schema: s, retentionMs, liveMs, rememberIdsMs } = options;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: Promise<void> | undefined;
  let isClosed = false;

  async function applyLimits(): Promise<void> {
    // The first call claims this interval: other processes then get no channels in it.
    let claimMs = Math.ceil(retentionMs * 0.9);
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const rows = await log.call(
        `SELECT channel FROM ${s}.survey($1::text::bigint, $2::text::integer) AS channel`,
        [String(claimMs), String(CHANNELS_AT_ONCE)],
      );
      claimMs = 0;
      if (rows.length === 0 || isClosed) break;
      const limits = rows.map(([channel]) => limitsOf(channel as string));
      await log.call(`SELECT ${s}.trim($1::text::json, $2::text::bigint)::text`, [
        JSON.stringify(limits),
        String(liveMs),
      ]);
      if (rows.length < CHANNELS_AT_ONCE) break;
    }
  }

  function limitsOf(channel: string): object {
    const { maxMessages, maxBytes, maxAgeMs } = host.history(channel);
    return {
      channel,
      messages: finite(maxMessages),
      bytes: finite(maxBytes),
      age: finite(maxAgeMs),
    };
  }

  async function forgetIds(): Promise<void> {
    if (isClosed) return;
    await log.call(
      `DELETE FROM ${s}.id WHERE (channel, id) IN (
        SELECT channel, id FROM ${s}.id WHERE at < ${s}.now_ms() - $1::text::bigint
          ORDER BY at LIMIT ${IDS_AT_ONCE} FOR UPDATE SKIP LOCKED
      )`,
      [String(rememberIdsMs)],
    );
  }

  function schedule(ms: number): void {
    if (isClosed || retentionMs === Number.POSITIVE_INFINITY) return;
    timer = startTimeout(() => {
      running = applyLimits()
        .then(forgetIds)
        .catch((error: unknown) => {
          // The log follower reports outages; report only statements that the server refused.
          if (isStatementError(error)) host.onError(toBackendError(error, "trim the log"));
        })
        .finally(() => {
          running = undefined;
          schedule(retentionMs);
        });
    }, ms);
  }

  return {
    start: () => schedule(Math.random() * retentionMs),
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await running;
    },
  };
}
