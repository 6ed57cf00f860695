import type { Backend, BackendHost, Feed, NewMessage, Stored } from "./backend.ts";
import { reportClusterWorker } from "./cluster-worker.ts";
import { SseBusError } from "./errors.ts";
import { openLog, storeMessage } from "./log-store.ts";
import { closeStores, createLogStores, type LogStores, storeOf } from "./log-stores.ts";
import { createMessage } from "./message.ts";
import { type Cursor, createEpoch } from "./position.ts";
import { readStore } from "./read-store.ts";
import { createRememberedIds, recall, remember } from "./remember.ts";
import { shareReads } from "./share-reads.ts";
import { addTopic, createTopicIndex, removeTopic, visitTopics } from "./topic-index.ts";

/**
 * Stores the log in the memory of this process. This is the default, for a single instance. The history is
 * lost when the process exits.
 *
 * Several buses can share one backend object. They then share its log, as instances share a server.
 *
 * @example
 * ```ts
 * const bus = createBus({ backend: memoryBackend() });
 * ```
 */
export function memoryBackend(): Backend {
  const epoch = createEpoch();
  const topics = createTopicIndex<Feed>();
  let remembered = createRememberedIds();
  let stores: LogStores | undefined;
  let head = { seq: 0, time: Date.now() };
  let users = 0;

  function opened(): LogStores {
    if (stores) return stores;
    throw new SseBusError(
      "BUS_CLOSED",
      "The memory backend is not open: a bus opens it, and the last bus to close closes it.",
    );
  }

  function publish(entry: NewMessage): Stored {
    const logs = storeOf(opened(), entry.channel);
    const first = entry.id === undefined ? undefined : recall(remembered, entry.channel, entry.id);
    if (first) return { ...first, duplicate: true };

    const now = Date.now();
    // The clock can go back; positions must not.
    const position = { seq: head.seq + 1, time: Math.max(now, head.time) };
    const message = createMessage(entry, position, epoch);
    head = position;
    storeMessage(logs, openLog(logs, entry.channel), message, now);
    const stored = { ...position, epoch, channel: entry.channel, duplicate: false };
    if (entry.id !== undefined) remember(remembered, entry.id, stored);
    visitTopics(topics, entry.channel, (feed) => feed.message(message));
    return stored;
  }

  function cursor(): Cursor {
    return { seq: head.seq, time: head.time, epoch };
  }

  return {
    name: "memory",
    async open(host: BackendHost) {
      users++;
      if (stores) return;
      reportClusterWorker(host.onError);
      stores = createLogStores(host.history, host.maxHistoryBytes, true);
      // The messages of earlier buses were dropped when the last of these closed.
      stores.ordinary.freedHorizon = stores.reserved.freedHorizon = head.seq;
    },
    async publish(entry) {
      return publish(entry);
    },
    async publishMany(entries) {
      return entries.map(publish);
    },
    async subscribe(topic, feed) {
      opened();
      addTopic(topics, topic, feed);
      return { cursor: cursor(), close: () => removeTopic(topics, topic, feed) };
    },
    read: shareReads(async (topic) => readStore(storeOf(opened(), topic), topic)),
    async readHead() {
      opened();
      return cursor();
    },
    head: cursor,
    heldBytes: () => stores?.ordinary.bytes ?? 0,
    async close() {
      if (users > 0) users--;
      if (users > 0 || !stores) return;
      closeStores(stores);
      stores = undefined;
      remembered = createRememberedIds();
    },
  };
}
