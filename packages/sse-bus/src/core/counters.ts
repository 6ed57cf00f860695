/** The counters of a bus since its creation. The health and metrics routes read them. */
export interface Counters {
  /** Messages published with this bus. Duplicates do not count. */
  published: number;
  /** Messages delivered to readers: streams and subscribers. */
  delivered: number;
  /** Gaps reported to readers. */
  gaps: number;
  /** Times a reader at the head could not take a packet and fell behind. */
  stalls: number;
  /** Readers that resumed from a cursor without a loss. */
  resumed: number;
  /** Readers that resumed from a cursor with a gap. */
  resumedWithGap: number;
}

export function createCounters(): Counters {
  return { published: 0, delivered: 0, gaps: 0, stalls: 0, resumed: 0, resumedWithGap: 0 };
}

/** What has been delivered to event streams. */
export interface Traffic {
  /** Frames: messages, hello, ping, gap, bye. */
  frames: number;
  bytes: number;
  /** Those bytes as they were sent: fewer where they are compressed. */
  sent: number;
}

export function createTraffic(): Traffic {
  return { frames: 0, bytes: 0, sent: 0 };
}
