import type { Backend, BackendHost, Feed, NewMessage, Stored } from "./backend.ts";
import { loseUpTo } from "./topic-log.ts";
import { SseBusError } from "./errors.ts";
import { assertCount } from "./history.ts";
import { openLog, storeMessage, track } from "./log-store.ts";
import { closeStores, createLogStores, type LogStores, storeOf } from "./log-stores.ts";
import type { LogMessage } from "./message.ts";
import { type Cursor, isPosition, type Position } from "./position.ts";
import { readStore } from "./read-store.ts";
import { createStoredMessage, unreadableError } from "./stored-message.ts";
import { createRememberedIds, recall, remember } from "./remember.ts";
import { addTopic, createTopicIndex, removeTopic, visitTopics } from "./topic-index.ts";
import { startTimeout } from "./timers.ts";

/** A list that processes share and only append to: a folder, a table, a bucket. */
export interface SharedLog {
  /** Shown by `/api/health` and in errors. */
  readonly name: string;

  /**
   * The entries after number `seq` (the first one is 1), in order, and the log's epoch: a name that it
   * gets when it is created, and a new one when it has lost its entries. The oldest entries may be
   * dropped, never the newest. MUST reject when the log cannot be reached, and settle in any case.
   */
  after(seq: number): Promise<{ readonly epoch: string; readonly entries: readonly string[] }>;

  /**
   * Stores an entry, one line of JSON, as number `seq` of the log of this epoch. MUST store all of it
   * or nothing, and only if that number is free: otherwise it resolves with `false`.
   */
  append(epoch: string, seq: number, entry: string): Promise<boolean>;
}

/** Settings of {@link pollingBackend}. */
export interface PollingBackendOptions {
  /** How often to read new entries, in ms. @default 100 */
  readonly pollMs?: number;
}

/**
 * A backend on the simplest of shared logs. Every process follows the whole log and holds its
 * history in its own memory, so it is for moderate loads.
 *
 * @throws SseBusError `INVALID_OPTION`
 * @see docs/backends/write-your-own.md
 */
export function pollingBackend(log: SharedLog, options: PollingBackendOptions = {}): Backend {
  const { pollMs = 100 } = options;
  assertCount(pollMs, "pollMs");
  const feeds = new Map<Feed, string>();
  let topics = createTopicIndex<Feed>();
  let ids = createRememberedIds();
  let host: BackendHost;
  let stores: LogStores | undefined;
  let head: Cursor = { seq: 0, time: 0, epoch: "0" };
  let last: Promise<unknown> = Promise.resolve();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isUp = true;
  let isClosed = false;

  /** Runs calls one after the other: each reads on from the head that the last one reached. */
  function inTurn<T>(run: () => Promise<T>): Promise<T> {
    const mine = last.then(async () => {
      try {
        if (isClosed) throw closed();
        return await run();
      } catch (cause) {
        throw isClosed ? closed() : unavailable(log.name, cause);
      }
    });
    last = mine.catch(() => {});
    return mine;
  }

  /** Runs a call after everything that is in the log now was read. */
  const caughtUp = async <T>(run: (stores: LogStores) => T): Promise<T> =>
    inTurn(async () => run(await readOn()));

  /** Reads and delivers what is new. */
  async function readOn(): Promise<LogStores> {
    let { epoch, entries } = await ask(head.seq);
    // A read during an append may see an entry without the one before it; a second read sees both.
    if (hasGap(entries, head.seq)) ({ epoch, entries } = await ask(head.seq));
    if (stores && epoch === head.epoch) {
      for (const entry of entries) take(stores, entry);
      return stores;
    }
    return begin();
  }

  /** Reads the whole of a log with a new epoch. */
  async function begin(): Promise<LogStores> {
    const isFirst = !stores;
    let { epoch, entries } = await ask(0);
    if (hasGap(entries, 0)) ({ epoch, entries } = await ask(0));
    if (stores) closeStores(stores);
    const next = (stores = createLogStores(host.history, host.maxHistoryBytes, true));
    ids = createRememberedIds();
    head = { seq: 0, time: 0, epoch };
    for (const entry of entries) keep(next, entry);
    if (!isFirst) host.onRestart();
    return next;
  }

  async function ask(seq: number): Promise<{ epoch: string; entries: ReadEntry[] }> {
    const { epoch, entries } = await log.after(seq);
    if (isClosed) throw closed();
    return { epoch, entries: parseEntries(entries, seq) };
  }

  function take(into: LogStores, entry: ReadEntry): void {
    if (entry.seq > head.seq + 1) {
      for (const feed of feeds.keys()) feed.lost(entry.seq - 1);
    }
    const message = keep(into, entry);
    if (message) visitTopics(topics, message.channel, (feed) => feed.message(message));
  }

  function keep(into: LogStores, entry: ReadEntry): LogMessage | undefined {
    const { seq } = entry;
    if (seq > head.seq + 1) forget(into, seq - 1);
    const { epoch } = head;
    const { onError } = host;
    if ("cause" in entry) {
      // It has its number, so the head moves past it.
      head = { seq, time: head.time, epoch };
      onError(unreadableError(`Entry ${seq} of the log of "${log.name}"`, entry.cause));
      return undefined;
    }
    const { time, channel, id } = entry;
    head = { seq, time, epoch };
    const message = createStoredMessage({ ...entry, key: entry.key }, head, { epoch, onError });
    if (!message) return undefined;
    const store = storeOf(into, channel);
    storeMessage(store, openLog(store, channel), message, Date.now());
    if (typeof id === "string") remember(ids, id, { ...head, channel, duplicate: false });
    return message;
  }

  async function publish(entry: NewMessage): Promise<Stored> {
    const { channel, id } = entry;
    // An entry that this process has not read has the number that it tries: so no duplicate is missed.
    for (;;) {
      const first = id === undefined ? undefined : recall(ids, channel, id);
      if (first) return { ...first, duplicate: true };
      const { epoch } = head;
      // The clock may step back; positions never do.
      const place = { seq: head.seq + 1, time: Math.max(Date.now(), head.time) };
      const isStored = await log.append(epoch, place.seq, JSON.stringify({ ...entry, ...place }));
      await readOn();
      // The log may have restarted in between, and lost the entry.
      if (isStored && head.epoch === epoch) {
        return { ...place, epoch, channel, duplicate: false };
      }
    }
  }

  async function poll(): Promise<void> {
    const error = await caughtUp(() => undefined).catch((cause: Error) => cause);
    if (isClosed) return;
    if (error && isUp) host.onError(error);
    const wasUp = isUp;
    isUp = !error;
    if (isUp !== wasUp) host.onStatus(isUp ? "up" : "down");
    timer = startTimeout(() => void poll(), pollMs);
  }

  return {
    name: log.name,
    async open(given) {
      host = given;
      await caughtUp(() => {});
      void poll();
    },
    publish: async (entry) => inTurn(async () => publish(entry)),
    subscribe: async (topic, feed) =>
      caughtUp(() => {
        feeds.set(feed, topic);
        addTopic(topics, topic, feed);
        const close = (): void => {
          if (feeds.delete(feed)) removeTopic(topics, topic, feed);
        };
        return { cursor: head, close };
      }),
    read: async (topic) => caughtUp((from) => readStore(storeOf(from, topic), topic)),
    readHead: async () => caughtUp(() => head),
    head: () => head,
    heldBytes: () => stores?.ordinary.bytes ?? 0,
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await last;
      feeds.clear();
      topics = createTopicIndex();
      if (stores) closeStores(stores);
    },
  };
}

/** What is stored of a message. */
interface Entry extends NewMessage, Position {}

/** An entry that another program has written. */
interface UnreadableEntry {
  readonly seq: number;
  readonly cause: Error;
}

type ReadEntry = Entry | UnreadableEntry;

/** Entries are numbered one after the other: so one that cannot be read has the number after the last. */
function parseEntries(texts: readonly string[], after: number): ReadEntry[] {
  let last = after;
  return texts.map((text) => {
    const entry = parseEntry(text, last);
    last = entry.seq;
    return entry;
  });
}

function parseEntry(text: string, last: number): ReadEntry {
  try {
    const entry = JSON.parse(text) as Entry;
    if (isPosition(entry) && entry.seq > last) return entry;
    throw new Error("it has no valid position");
  } catch (cause) {
    return { seq: last + 1, cause: cause as Error };
  }
}

function hasGap(entries: readonly ReadEntry[], after: number): boolean {
  return entries.some(({ seq }, index) => seq !== after + 1 + index);
}

/** Everything up to `seq` is lost, whatever it was. */
function forget(stores: LogStores, seq: number): void {
  for (const store of [stores.ordinary, stores.reserved]) {
    store.freedHorizon = Math.max(store.freedHorizon, seq);
    for (const log of store.logs.values()) {
      track(store, log, () => loseUpTo(log, { seq, time: Date.now() }));
    }
  }
}

function closed(): SseBusError {
  return new SseBusError("BUS_CLOSED", "The backend is closed.");
}

function unavailable(name: string, cause: unknown): SseBusError {
  const text = `The log of "${name}" cannot be reached: ${(cause as Error).message}`;
  return new SseBusError("BACKEND_UNAVAILABLE", text, { cause });
}
