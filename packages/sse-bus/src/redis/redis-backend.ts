import type { Backend, BackendHost, BackendStatus, PublishEntry, Stored } from "../core/backend.ts";
import { isSseBusError } from "../core/errors.ts";
import { createEpoch, type Cursor } from "../core/position.ts";
import { createConnector } from "./clients.ts";
import { encodeHead } from "./codec.ts";
import { closed, createCommands } from "./commands.ts";
import { type HistorySource, readTopic } from "./history.ts";
import { inTime } from "./in-time.ts";
import { createKeeper } from "./keeper.ts";
import { createKeys } from "./keys.ts";
import { createLive, type Live } from "./live.ts";
import { MARK } from "./log-scripts.ts";
import { markArguments, toHead } from "./marker.ts";
import { readSettings, type RedisBackendOptions } from "./options.ts";
import { PUBLISH } from "./publish-script.ts";
import { createSweeper } from "./sweeper.ts";
import { unavailable } from "./unavailable.ts";

/**
 * A log in Redis or Valkey (6.2 or later), shared by any number of instances: history in streams,
 * live messages by pub/sub, both written by one script.
 *
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * import { createClient } from "redis";
 * import { createBus } from "sse-bus";
 * import { redisBackend } from "sse-bus/redis";
 *
 * const client = createClient({ url: "redis://127.0.0.1:6379" });
 * const bus = createBus({ backend: redisBackend({ client }) });
 * ```
 */
export function redisBackend(options: RedisBackendOptions): Backend {
  const { client, prefix, idempotencyMs, markMs, timeoutMs, waitMs } = readSettings(options);
  const connector = createConnector(client);
  const keys = createKeys(prefix, connector.database);
  let host: BackendHost | undefined;
  let live: Live | undefined;
  let status: BackendStatus | undefined;
  let sweepTimer: ReturnType<typeof setInterval> | undefined;
  let head: Cursor | undefined;
  let closing: Promise<void> | undefined;

  const commands = createCommands({ timeoutMs, waitMs, drop: (cause) => sending.drop(cause) });
  const sending = createKeeper({
    connector,
    connectTimeoutMs: timeoutMs,
    onMessage() {},
    async onUp(link) {
      // Before anything else is sent: another server than the last one may have an older log.
      const request = { seen: live?.seen ?? head, asksRun: true };
      const args = markArguments({ keys }, request);
      head = toHead(await commands.runOn(link, MARK, [keys.bus, keys.probe], args));
      commands.use(link);
      report();
    },
    onDown(cause) {
      commands.lose(cause);
      report(cause);
    },
  });
  const receiving = createKeeper({
    connector,
    connectTimeoutMs: timeoutMs,
    onMessage: (channel, text) => live?.receive(channel, text),
    async onUp(link) {
      live?.use(link);
    },
    onDown(cause) {
      live?.use(undefined);
      report(cause);
    },
  });

  function report(cause?: Error): void {
    // Until it has been up once, open() tells.
    if (!host || !live || closing) return;
    const next = commands.isReady && live.isLive ? "up" : "down";
    if (next === status || (status === undefined && next === "down")) return;
    status = next;
    if (next === "down") host.onError(unavailable(cause ?? new Error("The connection is lost")));
    host.onStatus(next);
  }

  function opened(): { readonly host: BackendHost; readonly live: Live; source: HistorySource } {
    if (!host || !live || closing) throw closed();
    return { host, live, source: { commands, keys, limits: host.history } };
  }

  return {
    name: "redis",
    async open(given) {
      if (closing) throw closed();
      try {
        await sending.open();
        host = given;
        const source = { commands, keys, limits: given.history };
        await inTime("the first marker", timeoutMs, async (resolve) => {
          live = createLive({
            source,
            host: given,
            start: head as Cursor,
            markMs,
            timeoutMs,
            waitMs,
            drop: (cause) => receiving.drop(cause),
            onChange() {
              if (live?.isLive) resolve();
              report();
            },
          });
          await receiving.open();
        });
        const sweep = createSweeper(source);
        sweepTimer = setInterval(() => {
          // An outage has been told; what could not be looked over now is looked over later.
          if (commands.isReady) sweep().catch(() => {});
        }, markMs);
      } catch (error) {
        await close();
        throw isSseBusError(error) ? error : unavailable(error);
      }
    },
    async publish(entry: PublishEntry): Promise<Stored> {
      const { live, source } = opened();
      const { channel, key = "", json, id } = entry;
      const { maxMessages, maxBytes, maxAgeMs } = source.limits(channel);
      const names = [keys.bus, keys.log(channel), keys.newest(channel), keys.id(id ?? "")];
      const idMs = id === undefined ? "" : String(idempotencyMs);
      const bounds = [maxMessages, maxBytes, maxAgeMs].map(toBound);
      const record = [channel, encodeHead(entry), json, key];
      const args = [createEpoch(), ...record, keys.live, idMs, ...bounds];
      const answer = await commands.run(PUBLISH, names, args);
      const [epoch, seq, time, first] = answer as [string, string, string, string | undefined];
      const cursor = { epoch, seq: Number(seq), time: Number(time) };
      live.note(cursor);
      return { ...cursor, channel: first ?? channel, duplicate: first !== undefined };
    },
    async subscribe(topic, feed) {
      return opened().live.subscribe(topic, feed);
    },
    async read(topic) {
      const { live, source } = opened();
      for (;;) {
        const { epoch } = live.reached;
        const history = await readTopic(source, topic);
        if (history.epoch === live.reached.epoch) return history;
        // The log restarted, and the host has not been told: it must hear of it before it reads.
        if (epoch === live.reached.epoch) await live.restarted();
      }
    },
    async cursor() {
      const { live } = opened();
      const args = markArguments({ keys }, { seen: live.seen });
      return toHead(await commands.run(MARK, [keys.bus, keys.probe], args));
    },
    reached: () => live?.reached ?? { seq: 0, time: 0, epoch: "0" },
    close,
  };

  async function close(): Promise<void> {
    closing ??= end();
    return closing;
  }

  async function end(): Promise<void> {
    clearInterval(sweepTimer);
    live?.close(closed());
    receiving.close();
    commands.close();
    // What is under way shall have its answer, unless the server is gone.
    await inTime("the last answers", CLOSE_MS, async (resolve) => {
      await commands.idle();
      resolve();
    }).catch(() => {});
    sending.close();
    commands.lose(closed());
  }
}

const CLOSE_MS = 1000;

/** Lua has no infinity that every Redis reads. */
function toBound(limit: number): string {
  return String(Math.min(limit, Number.MAX_SAFE_INTEGER));
}
