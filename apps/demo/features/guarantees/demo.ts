/** The commands for a page's demo stream. */
export const demoCommands = ["cut", "stall", "resume", "evict", "drain"] as const;
export type DemoCommand = (typeof demoCommands)[number];

/** Messages that "evict" publishes: more than a channel keeps. */
export const floodSize = 1_100;
/** A stalled reader resumes after this time. */
export const maxStallMs = 20_000;

/**
 * The data of every message: a counter per event type. A `tick` has no key, so all arrive; a
 * `newest` has a key, so older ones may be superseded.
 */
export interface Tick {
  n: number;
}

export function isDemoId(id: unknown): id is string {
  return typeof id === "string" && /^[0-9a-f-]{36}$/.test(id);
}

export function demoChannel(id: string): string {
  return `guarantees/${id}`;
}

/** The demo stream as its server sees it. */
export interface ServerView {
  /** Messages that the stream has not received yet. */
  lag: number;
  /** Messages that its channel keeps, and their bytes. */
  messages: number;
  bytes: number;
  /** History that the process holds, and its limit. */
  historyBytes: number;
  maxHistoryBytes: number;
}

/** The channel of the {@link ServerView}: another one, which arrives while the stream is stalled. */
export function viewChannel(id: string): string {
  return `${demoChannel(id)}/server`;
}
