import { callBeforeClose } from "./before-close.ts";
import type { Backend, BackendHost, BackendStatus } from "./backend.ts";
import { isReserved } from "./channel-name.ts";
import type { Codec } from "./codec.ts";
import { type Cohort, type CohortContext, countReaders, type Reader } from "./cohort.ts";
import { type Counters, createCounters, createTraffic, type Traffic } from "./counters.ts";
import { flushCohort } from "./deliver.ts";
import { SseBusError } from "./errors.ts";
import { afterTurn, createFlusher, inTurn } from "./flusher.ts";
import type { HistoryResolver } from "./history.ts";
import { assertNotClosed, createLifecycle, isEnding, type Lifecycle } from "./lifecycle.ts";
import { closeStore, enforceTotal, type LogStore } from "./log-store.ts";
import { createLogStores } from "./log-stores.ts";
import { type Cursor, later } from "./position.ts";
import { closeReaderState } from "./reader-state.ts";
import { createSharedWindow } from "./shared-window.ts";
import type { EndReason } from "./sink.ts";
import { newestSeq } from "./topic-log.ts";
import { closeTopic, openTopic, settleTopic, type Topic, windowLimits } from "./topic.ts";
import { createWarmCohorts, type WarmCohorts } from "./warm-cohorts.ts";

/** Everything behind a bus that moves messages from its backend to readers. */
export interface Engine {
  readonly backend: Backend;
  readonly lifecycle: Lifecycle;
  /** As the backend last reported it. */
  backendStatus: BackendStatus;
  /** Called once each, when the backend opens or is up again. */
  readonly onceUp: Set<() => void>;
  /**
   * Called once each, as the bus closes: the readers have ended, and the backend still publishes if it
   * is open. What they return is awaited, for a second at most.
   */
  readonly beforeClose: Set<() => Promise<void> | void>;
  readonly counters: Counters;
  /** Called when the first reader of a set of topics opens, and when its last one has closed. */
  onCohort: ((engine: Engine, cohort: Cohort, isOpened: boolean) => void) | undefined;
  /** What was sent to readers on the network. */
  readonly traffic: Traffic;
  readonly topics: Map<string, Topic>;
  /** How many of the topics are reserved channels. */
  ownTopics: number;
  readonly cohorts: Map<string, Cohort>;
  /** Those that are not freed yet with their last reader. */
  readonly warm: WarmCohorts;
  readonly readers: Set<Reader>;
  /** Readers in this process receive a message in the turn that publishes it. */
  readonly local: CohortContext;
  /** Readers in this process of reserved channels. They do not count. */
  readonly own: CohortContext;
  /** Readers on the network are written to after that turn. */
  readonly remote: CohortContext;
  /** The windows of channels and patterns. */
  readonly store: LogStore;
  /** The windows of reserved channels. */
  readonly ownStore: LogStore;
  /** Topics with messages that were not yet offered to all readers at the head. */
  readonly unsettled: Set<Topic>;
  /** The newest message that this process published. */
  ownHead: Cursor | undefined;
  /** How often the backend's log has restarted. */
  restarts: number;
}

export interface EngineOptions {
  readonly backend: Backend;
  readonly history: HistoryResolver;
  readonly maxHistoryBytes: number;
  /** Bytes in one packet at most, unless a single message is larger. */
  readonly maxPacketBytes: number;
  onError(error: Error): void;
  /** See `BackendHost.onRestart`. */
  onRestart(engine: Engine): void;
}

export function createEngine(options: EngineOptions): Engine {
  const { backend, history, maxHistoryBytes, maxPacketBytes, onError } = options;
  const counters = createCounters();
  const shared = {
    maxPacketBytes,
    counters,
    epoch: () => provenHead(engine).epoch,
    onError,
    closeReader: (reader: Reader, reason: EndReason) => closeReader(engine, reader, reason),
  };
  const host: BackendHost = {
    history,
    maxHistoryBytes,
    onError,
    onStatus(status) {
      engine.backendStatus = status;
      // Not within the backend's own call, which may have more to do before it is used again.
      if (status === "up") queueMicrotask(() => callOnceUp(engine));
    },
    onRestart: () => options.onRestart(engine),
  };
  let offered = 0;
  const local: CohortContext = {
    ...shared,
    traffic: createTraffic(),
    flusher: createFlusher(inTurn, flushCohort),
  };
  const traffic = createTraffic();
  const now = (): number => backend.now?.() ?? Date.now();
  const windows = createLogStores(windowLimits(history), maxHistoryBytes, false, now);
  const engine: Engine = {
    backend,
    lifecycle: createLifecycle({
      openBackend: async () => backend.open(host),
      closeBackend: async () => backend.close(),
      beforeClose: () => callBeforeClose(engine.beforeClose, onError),
      onOpen: () => callOnceUp(engine),
      onError,
    }),
    backendStatus: "up",
    onceUp: new Set(),
    beforeClose: new Set(),
    onCohort: undefined,
    counters,
    traffic,
    topics: new Map(),
    ownTopics: 0,
    cohorts: new Map(),
    warm: createWarmCohorts((cohort) => releaseCohort(engine, cohort)),
    readers: new Set(),
    local,
    own: { ...local, counters: createCounters(), traffic: createTraffic() },
    remote: {
      ...shared,
      traffic,
      flusher: createFlusher(afterTurn, flushCohort, {
        beforeFlush() {
          offered = provenHead(engine).seq;
          // A flush may come in the turn that a message arrived in. A disconnect must end its streams before
          // they receive what was published after it.
          engine.local.flusher.flush();
        },
        afterFlush: () => settle(engine, offered),
      }),
    },
    store: windows.ordinary,
    ownStore: windows.reserved,
    unsettled: new Set(),
    ownHead: undefined,
    restarts: 0,
  };
  return engine;
}

/** Whether the backend is open: what runs on every publish must not wait for a promise. */
export function isOpen({ lifecycle }: Engine): boolean {
  return lifecycle.state === "open";
}

export function isClosed({ lifecycle }: Engine): boolean {
  return isEnding(lifecycle);
}

/** @throws SseBusError `BUS_CLOSED` */
export function assertOpen({ lifecycle }: Engine): void {
  assertNotClosed(lifecycle);
}

/** The head as the backend has proven it: everything up to it was delivered on live subscriptions. */
export function provenHead(engine: Engine): Cursor {
  return engine.backend.head();
}

export function notePublished(engine: Engine, { seq, time, epoch }: Cursor): void {
  const { ownHead } = engine;
  if (ownHead?.epoch !== epoch || ownHead.seq < seq) engine.ownHead = { seq, time, epoch };
}

/** The newest position that this process knows of; it may be ahead of the proven head. */
export function newestHead(engine: Engine): Cursor {
  const { ownHead } = engine;
  const head = provenHead(engine);
  return ownHead?.epoch === head.epoch ? later(head, ownHead) : head;
}

/** Where the readers of a cohort are, and how what they receive is encoded. */
export interface CohortKind {
  /** The readers are in this process. */
  readonly isLocal: boolean;
  readonly codec?: Codec | undefined;
}

/** The cohort of these topics; the first call for them subscribes upstream. */
export function acquireCohort(
  engine: Engine,
  names: readonly string[],
  { isLocal, codec }: CohortKind,
): Cohort {
  const sorted = names.length < 2 ? names : [...new Set(names)].toSorted();
  const key = `${isLocal ? "local" : (codec?.name ?? "remote")} ${sorted.join(" ")}`;
  const existing = engine.cohorts.get(key);
  if (existing) return existing;
  const ofProcess = sorted.every(isReserved) ? engine.own : engine.local;
  const context = isLocal ? ofProcess : engine.remote;
  const cohort: Cohort = {
    key,
    topics: sorted.map((name) => acquireTopic(engine, name)),
    context,
    cursor: provenHead(engine),
    opening: 0,
    atHead: [],
    behind: new Set(),
    waiting: new Set(),
    packets: new Map(),
    window: codec && createSharedWindow(codec),
    phase: "starting",
    topicChanged(topic) {
      engine.unsettled.add(topic);
      context.flusher.add(cohort);
      // Settling follows the flush of network readers; without any, a local message must cause it.
      if (isLocal) engine.remote.flusher.add(cohort);
    },
  };
  for (const topic of cohort.topics) topic.cohorts.add(cohort);
  engine.cohorts.set(key, cohort);
  engine.onCohort?.(engine, cohort, true);
  return cohort;
}

/** Frees a cohort without readers, and the upstream subscriptions that no other cohort needs. */
function releaseCohort(engine: Engine, cohort: Cohort): void {
  if (countReaders(cohort) > 0 || engine.warm.has(cohort)) return;
  if (engine.cohorts.get(cohort.key) !== cohort) return;
  engine.cohorts.delete(cohort.key);
  for (const topic of cohort.topics) {
    topic.cohorts.delete(cohort);
    if (--topic.users > 0) continue;
    engine.topics.delete(topic.name);
    if (isReserved(topic.name)) engine.ownTopics--;
    engine.unsettled.delete(topic);
    closeTopic(topic);
  }
  engine.onCohort?.(engine, cohort, false);
}

/** Ends a reader. Idempotent. With a reason, the bus is the one who ends it, and its sink ends too. */
export function closeReader(engine: Engine, reader: Reader, reason?: EndReason): void {
  if (!closeReaderState(reader)) return;
  engine.readers.delete(reader);
  releaseCohort(engine, reader.cohort);
  if (!reason) return;
  try {
    reader.sink.end(reason);
  } catch (cause) {
    const text = "A reader's sink threw as it was ended.";
    engine.remote.onError(new SseBusError("SINK_FAILED", text, { cause }));
  }
}

/** Delivers what has been published, then ends every reader and the backend. Idempotent. */
export async function closeEngine(engine: Engine): Promise<void> {
  if (isClosed(engine)) return engine.lifecycle.close();
  const closed = engine.lifecycle.close();
  engine.local.flusher.flush();
  engine.remote.flusher.flush();
  engine.warm.close();
  for (const cohort of engine.cohorts.values()) releaseCohort(engine, cohort);
  for (const reader of engine.readers) closeReader(engine, reader, "closed");
  closeStore(engine.store);
  closeStore(engine.ownStore);
  return closed;
}

function callOnceUp({ onceUp }: Engine): void {
  const all = [...onceUp];
  onceUp.clear();
  for (const each of all) each();
}

function acquireTopic(engine: Engine, name: string): Topic {
  let topic = engine.topics.get(name);
  if (!topic) {
    const isOwn = isReserved(name);
    const store = isOwn ? engine.ownStore : engine.store;
    engine.topics.set(name, (topic = openTopic(engine.backend, store, name)));
    if (isOwn) engine.ownTopics++;
  }
  topic.users++;
  return topic;
}

/** Every reader at the head was offered everything up to `seq`: history limits apply to it now. */
function settle(engine: Engine, seq: number): void {
  for (const topic of engine.unsettled) {
    settleTopic(topic, seq);
    // What arrived during this flush settles with the next one.
    if (newestSeq(topic.log) <= seq) engine.unsettled.delete(topic);
  }
  enforceTotal(engine.store);
  if (engine.ownTopics > 0) enforceTotal(engine.ownStore);
}
