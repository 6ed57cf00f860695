import type { Backend, BackendHost, Feed, NewMessage, Stored } from "./backend.ts";
import { reportClusterWorker } from "./cluster-worker.ts";
import { SseBusError } from "./errors.ts";
import { closeStore, createLogStore, type LogStore, openLog, storeMessage } from "./log-store.ts";
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
  let store: LogStore | undefined;
  let head = { seq: 0, time: Date.now() };
  let users = 0;

  function opened(): LogStore {
    if (store) return store;
    throw new SseBusError(
      "BUS_CLOSED",
      "The memory backend is not open: a bus opens it, and the last bus to close closes it.",
    );
  }

  function publish(entry: NewMessage): Stored {
    const logs = opened();
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
    return { ...head, epoch };
  }

  return {
    name: "memory",
    async open(host: BackendHost) {
      users++;
      if (store) return;
      reportClusterWorker(host.onError);
      store = createLogStore(host.history, host.maxHistoryBytes, true);
      // The messages of earlier buses were dropped when the last of these closed.
      store.freedHorizon = head.seq;
    },
    async publish(entry) {
      return publish(entry);
    },
    async subscribe(topic, feed) {
      opened();
      addTopic(topics, topic, feed);
      return { cursor: cursor(), close: () => removeTopic(topics, topic, feed) };
    },
    read: shareReads(async (topic) => readStore(opened(), topic)),
    async readHead() {
      opened();
      return cursor();
    },
    head: cursor,
    heldBytes: () => store?.bytes ?? 0,
    async close() {
      if (users > 0) users--;
      if (users > 0 || !store) return;
      closeStore(store);
      store = undefined;
      remembered = createRememberedIds();
    },
  };
}
