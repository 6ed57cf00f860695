import type { Backend, BackendHost } from "./backend.ts";
import { newestSeq } from "./topic-log.ts";
import { type Counters, createCounters, type Traffic } from "./counters.ts";
import { SseBusError } from "./errors.ts";
import { afterTurn, createFlusher, inTurn } from "./flusher.ts";
import { flushCohort, type Cohort, type CohortContext, unplace } from "./cohort.ts";
import type { HistoryResolver } from "./history.ts";
import { closeStore, createLogStore, enforceTotal, type LogStore } from "./log-store.ts";
import type { Cursor, Position } from "./position.ts";
import type { EndReason, Reader } from "./reader.ts";
import { closeTopic, openTopic, settleTopic, type Topic, windowLimits } from "./topic.ts";

/** Everything behind a bus that moves messages from its backend to readers. */
export interface Engine {
  readonly backend: Backend;
  /**
   * Connects the backend at the first call: a build that only loads the module must not. A failure
   * is forgotten, so that the next call tries again.
   */
  readonly open: () => Promise<void>;
  readonly counters: Counters;
  /** Of readers on the network. */
  readonly traffic: Traffic;
  readonly topics: Map<string, Topic>;
  readonly cohorts: Map<string, Cohort>;
  readonly readers: Set<Reader>;
  /** Readers in this process hear of a message in the turn that published it. */
  readonly local: CohortContext;
  /** Readers on the network are written to after it. */
  readonly remote: CohortContext;
  readonly store: LogStore;
  readonly unsettled: Set<Topic>;
  /** Called once each when the backend is back, or open at last. */
  readonly onceUp: Set<() => void>;
  /** The newest message of this process's own. */
  ownHead: Cursor | undefined;
  /** How often the backend's log has begun anew. */
  restarts: number;
  isOpened: boolean;
  isClosed: boolean;
  /** Settles when the backend is open, or has failed to open. */
  opening: Promise<void> | undefined;
  /** The backend was asked to open, and so must be closed. */
  isTried: boolean;
  closing: Promise<void> | undefined;
}

export interface EngineOptions {
  readonly backend: Backend;
  readonly history: HistoryResolver;
  readonly maxHistoryBytes: number;
  /** Bytes handed to a sink at once, unless a single message is larger. */
  readonly maxPacketBytes: number;
  onError(error: Error): void;
  /** See `BackendHost.onStatus`. */
  onStatus(status: "up" | "down"): void;
  onRestart(engine: Engine): void;
}

export function createEngine(options: EngineOptions): Engine {
  const { backend, history, maxHistoryBytes, maxPacketBytes, onError, onStatus } = options;
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
      onStatus(status);
      // Not from within the backend's own turn, which may have more to do before it is asked again.
      if (status === "up") queueMicrotask(() => wake(engine));
    },
    onRestart: () => options.onRestart(engine),
  };
  let offered = 0;
  const traffic: Traffic = { frames: 0, bytes: 0 };
  const engine: Engine = {
    backend,
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
    onceUp: new Set(),
    ownHead: undefined,
    restarts: 0,
    isOpened: false,
    isClosed: false,
    opening: undefined,
    isTried: false,
    closing: undefined,
    open() {
      engine.isTried = true;
      engine.opening ??= backend.open(host).then(
        () => {
          engine.isOpened = true;
          wake(engine);
        },
        (error: unknown) => {
          engine.opening = undefined;
          throw error;
        },
      );
      return engine.opening;
    },
  };
  return engine;
}

/** The proven head. */
export function provenHead(engine: Engine): Cursor {
  return engine.backend.head();
}

export function notePublished(engine: Engine, { seq, time, epoch }: Cursor): void {
  const { ownHead } = engine;
  if (ownHead?.epoch !== epoch || ownHead.seq < seq) engine.ownHead = { seq, time, epoch };
}

/** All that this process knows to be published is at or before this. */
export function newestHead(engine: Engine): Cursor {
  const { ownHead } = engine;
  const head = provenHead(engine);
  return ownHead?.epoch === head.epoch ? later(head, ownHead) : head;
}

/** The cohort of these topics, made with its upstream subscriptions when it is the first. */
export function acquireCohort(engine: Engine, names: readonly string[], isLocal: boolean): Cohort {
  const sorted = [...new Set(names)].toSorted();
  const key = `${isLocal ? "local" : "remote"} ${sorted.join(" ")}`;
  const known = engine.cohorts.get(key);
  if (known) return known;
  const context = isLocal ? engine.local : engine.remote;
  const cohort: Cohort = {
    key,
    topics: sorted.map((name) => acquireTopic(engine, name)),
    context,
    cursor: provenHead(engine),
    atHead: [],
    behind: new Set(),
    waiting: new Set(),
    packets: new Map(),
    phase: "starting",
    topicChanged(topic) {
      engine.unsettled.add(topic);
      context.flusher.add(cohort);
      // Settling follows every flush of network readers; local ones alone must bring it about too.
      if (isLocal) engine.remote.flusher.add(cohort);
    },
  };
  for (const topic of cohort.topics) topic.cohorts.add(cohort);
  engine.cohorts.set(key, cohort);
  return cohort;
}

/** Frees the cohort, and upstream subscriptions that nobody else needs, once it has no reader. */
function releaseCohort(engine: Engine, cohort: Cohort): void {
  if (cohort.atHead.length + cohort.behind.size + cohort.waiting.size > 0) return;
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

/** Ends a reader. Idempotent; its sink is told only when the bus is the one who ends it. */
export function closeReader(engine: Engine, reader: Reader, reason?: EndReason): void {
  if (reader.state === "closed") return;
  unplace(reader);
  reader.state = "closed";
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

/** Hands on what has been published, then ends every reader and the backend. Idempotent. */
export function closeEngine(engine: Engine): Promise<void> {
  if (engine.closing) return engine.closing;
  engine.isClosed = true;
  engine.closing = closeBackend(engine);
  engine.local.flusher.flush();
  engine.remote.flusher.flush();
  for (const reader of engine.readers) closeReader(engine, reader, "closed");
  closeStore(engine.store);
  return engine.closing;
}

/** The later of two positions. */
export function later<P extends Position>(a: P, b: P): P {
  return a.seq >= b.seq ? a : b;
}

/** One that was never opened is not ours to close: another bus may stand on it. */
async function closeBackend(engine: Engine): Promise<void> {
  if (!engine.isTried) return;
  const opening = engine.opening?.then(
    () => true,
    () => false,
  );
  const soon = new Promise<undefined>((resolve) => afterTurn(() => resolve(undefined)));
  if (opening && (await Promise.race([opening, soon])) === undefined) {
    // To open may take long where a server is away, and to close is what ends that. What it opens
    // nevertheless is closed once more.
    void opening
      .then(async (isOpen) => isOpen && engine.backend.close())
      .catch((error: unknown) => engine.remote.onError(error as Error));
  }
  await engine.backend.close();
}

function wake({ onceUp }: Engine): void {
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

/** All readers at the head have been offered all there is up to `seq`: history limits apply to it. */
function settle(engine: Engine, seq: number): void {
  for (const topic of engine.unsettled) {
    settleTopic(topic, seq);
    // What came while they were being offered it settles with the next flush.
    if (newestSeq(topic.log) <= seq) engine.unsettled.delete(topic);
  }
  enforceTotal(engine.store);
}
