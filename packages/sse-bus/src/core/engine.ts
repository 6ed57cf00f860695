import type { Backend, BackendHost, BackendStatus } from "./backend.ts";
import { type Cohort, type CohortContext, countReaders, type Reader } from "./cohort.ts";
import { type Counters, createCounters, type Traffic } from "./counters.ts";
import { flushCohort } from "./deliver.ts";
import { SseBusError } from "./errors.ts";
import { afterTurn, createFlusher, inTurn } from "./flusher.ts";
import type { HistoryResolver } from "./history.ts";
import { assertNotClosed, createLifecycle, isEnding, type Lifecycle } from "./lifecycle.ts";
import { closeStore, createLogStore, enforceTotal, type LogStore } from "./log-store.ts";
import { type Cursor, later } from "./position.ts";
import { closeReaderState } from "./reader-state.ts";
import type { EndReason } from "./sink.ts";
import { newestSeq } from "./topic-log.ts";
import { closeTopic, openTopic, settleTopic, type Topic, windowLimits } from "./topic.ts";

/** Everything behind a bus that moves messages from its backend to readers. */
export interface Engine {
  readonly backend: Backend;
  readonly lifecycle: Lifecycle;
  /** As the backend last reported it. */
  backendStatus: BackendStatus;
  /** Called once each, when the backend opens or is up again. */
  readonly onceUp: Set<() => void>;
  readonly counters: Counters;
  /** What was sent to readers on the network. */
  readonly traffic: Traffic;
  readonly topics: Map<string, Topic>;
  readonly cohorts: Map<string, Cohort>;
  readonly readers: Set<Reader>;
  /** Readers in this process receive a message in the turn that publishes it. */
  readonly local: CohortContext;
  /** Readers on the network are written to after that turn. */
  readonly remote: CohortContext;
  readonly store: LogStore;
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
  const traffic: Traffic = { frames: 0, bytes: 0 };
  const engine: Engine = {
    backend,
    lifecycle: createLifecycle({
      openBackend: async () => backend.open(host),
      closeBackend: async () => backend.close(),
      onOpen: () => callOnceUp(engine),
      onError,
    }),
    backendStatus: "up",
    onceUp: new Set(),
    counters,
    traffic,
    topics: new Map(),
    cohorts: new Map(),
    readers: new Set(),
    local: {
      ...shared,
      traffic: { frames: 0, bytes: 0 },
      flusher: createFlusher(inTurn, flushCohort),
    },
    remote: {
      ...shared,
      traffic,
      flusher: createFlusher(afterTurn, flushCohort, {
        beforeFlush: () => (offered = provenHead(engine).seq),
        afterFlush: () => settle(engine, offered),
      }),
    },
    store: createLogStore(
      windowLimits(history),
      maxHistoryBytes,
      false,
      () => backend.now?.() ?? Date.now(),
    ),
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

/** The cohort of these topics; the first call for them subscribes upstream. */
export function acquireCohort(engine: Engine, names: readonly string[], isLocal: boolean): Cohort {
  const sorted = [...new Set(names)].toSorted();
  const key = `${isLocal ? "local" : "remote"} ${sorted.join(" ")}`;
  const existing = engine.cohorts.get(key);
  if (existing) return existing;
  const context = isLocal ? engine.local : engine.remote;
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
  return cohort;
}

/** Frees a cohort without readers, and the upstream subscriptions that no other cohort needs. */
function releaseCohort(engine: Engine, cohort: Cohort): void {
  if (countReaders(cohort) > 0) return;
  if (engine.cohorts.get(cohort.key) !== cohort) return;
  engine.cohorts.delete(cohort.key);
  for (const topic of cohort.topics) {
    topic.cohorts.delete(cohort);
    if (--topic.users > 0) continue;
    engine.topics.delete(topic.name);
    engine.unsettled.delete(topic);
    closeTopic(topic);
  }
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
  for (const reader of engine.readers) closeReader(engine, reader, "closed");
  closeStore(engine.store);
  return closed;
}

function callOnceUp({ onceUp }: Engine): void {
  const all = [...onceUp];
  onceUp.clear();
  for (const each of all) each();
}

function acquireTopic(engine: Engine, name: string): Topic {
  let topic = engine.topics.get(name);
  if (!topic) engine.topics.set(name, (topic = openTopic(engine.backend, engine.store, name)));
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
}
