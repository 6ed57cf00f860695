import type { Backend, NewMessage, Stored } from "../core/backend.ts";
import { createEpoch } from "../core/position.ts";
import { createConnector } from "./clients.ts";
import { encodeHead } from "./codec.ts";
import { closed } from "./commands.ts";
import { readTopic } from "./history.ts";
import { createKeys } from "./keys.ts";
import { MARK } from "./log-scripts.ts";
import { markArguments, toHead } from "./marker.ts";
import { readSettings, type RedisBackendOptions } from "./options.ts";
import { PUBLISH } from "./publish-script.ts";
import { openSession, type Session } from "./session.ts";

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
  const settings = readSettings(options);
  const connector = createConnector(settings.client, settings.prefix);
  const keys = createKeys(settings.prefix, {
    database: connector.database,
    isSharded: settings.sharded ?? connector.isCluster,
  });
  let session: Session | undefined;
  let opening: Promise<Session> | undefined;
  let isClosed = false;

  function opened(): Session {
    if (!session || isClosed) throw closed();
    return session;
  }

  /** The host hears that the log restarted before it is given anything of the new one. */
  async function told(answer: MaybeEpoch, before: string): Promise<void> {
    const { live } = opened();
    if (answer.epoch !== before && live.reached.epoch === before) await live.restarted();
  }

  return {
    name: "redis",
    async open(host) {
      if (isClosed) throw closed();
      opening = openSession({ settings, connector, keys, host });
      session = await opening;
    },
    async publish(entry: NewMessage): Promise<Stored> {
      const { commands, live, source } = opened();
      const before = live.reached.epoch;
      const { channel, key = "", json, id } = entry;
      const { maxMessages, maxBytes, maxAgeMs } = source.limits(channel);
      const names = [keys.bus, keys.log(channel), keys.newest(channel), keys.id(channel, id ?? "")];
      const idMs = id === undefined ? "" : String(settings.idempotencyMs);
      const bounds = [maxMessages, maxBytes, maxAgeMs].map(toBound);
      const record = [channel, encodeHead(entry), json, key];
      const announcing = [keys.announce, keys.all];
      const args = [createEpoch(), ...record, keys.live, idMs, ...bounds, ...announcing];
      const answer = await commands.run(PUBLISH, names, args);
      const [epoch, seq, time, duplicate] = answer as [string, string, string, string | undefined];
      const cursor = { epoch, seq: Number(seq), time: Number(time) };
      live.note(cursor);
      // What is stored is not refused because its news do not come.
      await told(cursor, before).catch(() => {});
      return { ...cursor, channel, duplicate: duplicate !== undefined };
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
        await told(history, epoch);
      }
    },
    async readHead() {
      const { commands, live, source } = opened();
      const { epoch } = live.reached;
      const args = markArguments({ keys }, { seen: live.seen });
      const head = toHead(await commands.run(MARK, [keys.bus, keys.probe], args), source.clock);
      await told(head, epoch);
      return head;
    },
    now: () => session?.source.clock.now() ?? Date.now(),
    head: () => session?.live.reached ?? { seq: 0, time: 0, epoch: "0" },
    async close() {
      isClosed = true;
      const last = await opening?.catch(() => undefined);
      await last?.close();
    },
  };
}

/** Lua has no infinity that every Redis reads. */
function toBound(limit: number): string {
  return String(Math.min(limit, Number.MAX_SAFE_INTEGER));
}

interface MaybeEpoch {
  readonly epoch: string | undefined;
}
