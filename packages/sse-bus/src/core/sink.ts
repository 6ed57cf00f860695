import type { Packet } from "./packet.ts";

/**
 * Where a reader's packets go. A sink has no queue: what it cannot take stays in the log, and the
 * reader's cursor stays before it.
 */
export interface Sink {
  /**
   * Takes the packet in any case. Returns whether it can take another one now; if not, it MUST call
   * `resumeReader` once it can. A reader whose sink throws is ended, and the error is reported.
   */
  write(packet: Packet): boolean;
  /** The bus ends this reader. MUST be idempotent and MUST NOT throw. */
  end(reason: EndReason): void;
}

/** Why the bus ends a reader: it was closed, or the reader's own sink threw. */
export type EndReason = "closed" | "failed";
