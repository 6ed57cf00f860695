import type { Cohort } from "./cohort.ts";
import type { Gap, Packet } from "./packet.ts";
import type { Position } from "./position.ts";

/**
 * Where a reader's packets go. A sink owns no queue: what it cannot take stays in the log, and the
 * reader's cursor stays before it.
 */
export interface Sink {
  /**
   * Takes the packet, always. Returns whether it can take another one now; if not, it MUST call
   * {@link resumeReader} once it can. A sink that throws is ended and reported.
   */
  write(packet: Packet): boolean;
  /** The bus ends this reader. MUST be idempotent and MUST NOT throw. */
  end(reason: EndReason): void;
}

/** Why the bus ends a reader: it was closed, or the reader's own sink threw. */
export type EndReason = "closed" | "failed";

/**
 * `opening`: where it starts is being found out. `head`: has everything its cohort was handed.
 * `behind`: reads on from its cursor when its sink can take more. `waiting`: started ahead of its
 * cohort, which has yet to get there.
 */
export type ReaderState = "opening" | "head" | "behind" | "waiting" | "closed";

/** A cursor, a set of topics (its cohort's) and a sink. */
export interface Reader {
  readonly cohort: Cohort;
  /** May be exchanged for a shorter way to the same client. */
  sink: Sink;
  state: ReaderState;
  /** The sink can take bytes now. */
  ready: boolean;
  /** The sink is being written to. */
  isWriting: boolean;
  /** Up to where this reader was handed everything; while `head`, its cohort's cursor counts. */
  cursor: Position;
  /** Place in the cohort's `atHead`, for removal in constant time. */
  index: number;
  /** See `ReadOptions`. */
  knownEvictions: readonly number[] | undefined;
  snapshot: number | undefined;
  /** A gap to tell before anything else. */
  pendingGap: Gap | undefined;
  /** Messages of the only topic up to the cursor, where known: so that a gap can be counted. */
  ordinal: number | undefined;
  /** Handed to its sink so far, for inspection. */
  bytes: number;
}
