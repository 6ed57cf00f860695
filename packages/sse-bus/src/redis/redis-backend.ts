import type { Backend, Stored } from "../core/backend.ts";
import { createConnector } from "./connector.ts";
import { closedError } from "./errors.ts";
import { decodeHead, headArguments, headKeys, READ_HEAD } from "./head-script.ts";
import { readChannelPage, readTopicHistory, type RedisLogAccess } from "./history.ts";
import { createKeys } from "./keys.ts";
import { type RedisBackendOptions, resolveRedisOptions } from "./options.ts";
import { openRedisSession, type RedisSession } from "./session.ts";

/**
 * Stores the log in Redis or Valkey (6.2 or later), shared by any number of instances. History is in
 * Redis streams, live messages travel by pub/sub, and one script writes both.
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
  const resolved = resolveRedisOptions(options);
  const connector = createConnector(resolved.client, resolved.prefix);
  const keys = createKeys(resolved.prefix, {
    database: connector.database,
    isSharded: resolved.sharded ?? connector.isCluster,
  });
  let session: RedisSession | undefined;
  let opening: Promise<RedisSession> | undefined;
  let isClosed = false;

  function opened(): RedisSession {
    if (!session || isClosed) throw closedError();
    return session;
  }

  /** Makes sure that the host learns of a restart of the log before it gets anything of the new log. */
  async function reportRestart(
    answer: { readonly epoch: string | undefined },
    epochBefore: string,
  ): Promise<void> {
    const { follower } = opened();
    if (answer.epoch !== epochBefore && follower.head.epoch === epochBefore) {
      await follower.restarted();
    }
  }

  /** Reads until the answer is of the log that the host knows. */
  async function readKnown<Answer extends { readonly epoch: string | undefined }>(
    read: (access: RedisLogAccess) => Promise<Answer>,
  ): Promise<Answer> {
    const { follower, access } = opened();
    for (;;) {
      const { epoch } = follower.head;
      const answer = await read(access);
      if (answer.epoch === follower.head.epoch) return answer;
      await reportRestart(answer, epoch);
    }
  }

  return {
    name: "redis",
    async open(host) {
      if (isClosed) throw closedError();
      opening = openRedisSession({ options: resolved, connector, keys, host, reportRestart });
      session = await opening;
    },
    async publish(message) {
      const [stored] = await opened().publish([message]);
      return stored as Stored;
    },
    publishMany: async (messages) => opened().publish(messages),
    async subscribe(topic, feed) {
      return opened().follower.subscribe(topic, feed);
    },
    read: async (topic) => readKnown(async (access) => readTopicHistory(access, topic)),
    async readAfter(channel, after, maxBytes) {
      const place = { after, maxBytes };
      return readKnown(async (access) => readChannelPage(access, channel, place));
    },
    async readHead() {
      const { commands, follower, access } = opened();
      const { epoch } = follower.head;
      const args = headArguments(keys, { newestSeen: follower.newestSeen });
      const head = decodeHead(await commands.run(READ_HEAD, headKeys(keys), args), access.clock);
      await reportRestart(head, epoch);
      return head;
    },
    now: () => session?.access.clock.now() ?? Date.now(),
    head: () => session?.follower.head ?? { seq: 0, time: 0, epoch: "0" },
    async close() {
      isClosed = true;
      const last = await opening?.catch(() => undefined);
      await last?.close();
    },
  };
}
