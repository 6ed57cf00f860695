import type { BackendHost } from "../core/backend.ts";
import { finite, type Log } from "./log.ts";
import type { Settings } from "./options.ts";
import { isStatementError, toBackendError } from "./postgres-error.ts";
import { startTimeout } from "../core/timers.ts";

/** Deletes what `history` no longer allows, in whichever process comes first. */
export interface Retention {
  start(): void;
  close(): Promise<void>;
}

const CHANNELS_AT_ONCE = 200;
/** Rounds in one go; what is left waits for the next time. */
const MAX_ROUNDS = 100;
const IDS_AT_ONCE = 10_000;

export function createRetention(log: Log, settings: Settings, host: BackendHost): Retention {
  const { schema: s, retentionMs, liveMs, rememberIdsMs } = settings;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: Promise<void> | undefined;
  let isClosed = false;

  async function keepLimits(): Promise<void> {
    // The first call claims the round; another process that comes within the interval gets nothing.
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
      running = keepLimits()
        .then(forgetIds)
        .catch((error: unknown) => {
          // While the server is away there is nothing to trim, and the tail has told of it.
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
