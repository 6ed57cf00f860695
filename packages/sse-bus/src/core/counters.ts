/** What a bus has counted since it was made; read by health and metrics. */
export interface Counters {
  published: number;
  /** Messages handed to readers. */
  delivered: number;
  gaps: number;
  /** Times a reader at the head could not take a packet and fell behind. */
  stalls: number;
  /** Resumes from a cursor that were complete. */
  resumed: number;
  /** Resumes from a cursor that were not, and were told. */
  resumedWithGap: number;
}

export function createCounters(): Counters {
  return { published: 0, delivered: 0, gaps: 0, stalls: 0, resumed: 0, resumedWithGap: 0 };
}

/** What has been handed to event streams. */
export interface Traffic {
  /** Blocks: messages, hello, ping, gap, bye. */
  frames: number;
  bytes: number;
}
