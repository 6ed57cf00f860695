/** What can be done to a page's own demo stream. */
export const demoCommands = ["cut", "stall", "resume", "evict", "drain"] as const;
export type DemoCommand = (typeof demoCommands)[number];

/** Messages that "evict" publishes: more than a channel keeps. */
export const floodSize = 1_100;
/** A reader that was stalled reads on by itself after this. */
export const maxStallMs = 20_000;

/**
 * The data of every message: a number one higher than that of the event before. A `tick` has no key
 * and must arrive; a `newest` has one and may be superseded.
 */
export interface Tick {
  n: number;
}

export function isDemoId(id: unknown): id is string {
  return typeof id === "string" && /^[0-9a-f-]{36}$/.test(id);
}

export function demoChannel(id: string): string {
  return `inspector/demo/${id}`;
}
