import type { Counters, Traffic } from "./counters.ts";
import type { Flusher } from "./flusher.ts";
import type { Gap, Packet } from "./packet.ts";
import type { Position } from "./position.ts";
import type { SharedWindow } from "./shared-window.ts";
import type { Sink } from "./sink.ts";
import { ordinalOf } from "./topic-log.ts";
import type { Topic } from "./topic.ts";

/**
 * All readers of the same topics. Those at the head share the cohort's cursor: a flush reads the log
 * once and delivers the same bytes to all of them. Every other reader has a cursor of its own.
 */
export interface Cohort {
  readonly key: string;
  readonly topics: readonly Topic[];
  readonly context: CohortContext;
  /** Everything up to here was delivered to the readers at the head. */
  cursor: Position;
  /** How many readers are `opening`. */
  opening: number;
  /** The readers in each of the other states; see `reader-state.ts`. */
  readonly atHead: Reader[];
  readonly behind: Set<Reader>;
  readonly waiting: Set<Reader>;
  /** Packets made for readers behind in this turn, so that many that reconnect at once share them. */
  readonly packets: Map<string, Packet>;
  /** If what its readers receive is encoded. */
  readonly window: SharedWindow | undefined;
  /**
   * `starting`, until all topics are live; `restarting`, while a restarted log is read again;
   * `running`. Messages are delivered only while it is `running`.
   */
  phase: "starting" | "running" | "restarting";
  topicChanged(topic: Topic): void;
}

/** What all cohorts of a bus share. */
export interface CohortContext {
  readonly maxPacketBytes: number;
  readonly counters: Counters;
  readonly traffic: Traffic;
  readonly flusher: Flusher<Cohort>;
  epoch(): string;
  onError(error: Error): void;
  /** Ends a reader whose sink threw. */
  closeReader(reader: Reader, reason: "failed"): void;
}

/** See `reader-state.ts`, which alone changes it. */
export type ReaderState = "opening" | "head" | "behind" | "waiting" | "closed";

/** A cursor, a set of topics (its cohort's) and a sink. */
export interface Reader {
  readonly cohort: Cohort;
  /** May be replaced by a shorter way to the same client. */
  sink: Sink;
  state: ReaderState;
  /** The sink can take a packet now. */
  ready: boolean;
  /** The sink's `write` is running. */
  isWriting: boolean;
  /** Everything up to here was delivered. While the state is `head`, the cohort's cursor counts. */
  cursor: Position;
  /** Index in the cohort's `atHead`, for removal in constant time. */
  index: number;
  /** See `ReadOptions`. */
  knownEvictions: readonly (number | undefined)[] | undefined;
  /** See `ReadOptions`. */
  snapshot: number | undefined;
  /** A gap to deliver before anything else. */
  pendingGap: Gap | undefined;
  /** How many messages the only topic had up to the cursor, if known: for the `count` of a gap. */
  ordinal: number | undefined;
  /** Bytes delivered so far, for inspection. */
  bytes: number;
}

/** A reader of this cohort, `opening`. */
export function createReader(cohort: Cohort, sink: Sink): Reader {
  cohort.opening++;
  return {
    cohort,
    sink,
    state: "opening",
    ready: false,
    isWriting: false,
    cursor: cohort.cursor,
    index: 0,
    knownEvictions: undefined,
    snapshot: undefined,
    pendingGap: undefined,
    ordinal: undefined,
    bytes: 0,
  };
}

export function countReaders({ opening, atHead, behind, waiting }: Cohort): number {
  return opening + atHead.length + behind.size + waiting.size;
}

/** Everything up to here was delivered to the reader. */
export function readerCursor(reader: Reader): Position {
  return reader.state === "head" ? reader.cohort.cursor : reader.cursor;
}

/** How many messages there were up to `seq`; known for a single topic only. */
export function ordinalIn(cohort: Cohort, seq: number): number | undefined {
  const [only, another] = cohort.topics;
  return only && !another ? ordinalOf(only.log, seq) : undefined;
}
