/**
 * A server's clock, as far as its answers tell. Ages of messages are measured by it: this machine's
 * clock may be ahead of it and would age what is still kept, or step.
 */
export interface ServerClock {
  /** The server's time, in ms since 1970, or a little less. @default this machine's clock */
  now(): number;
  /** The server has just said that it is this time. */
  sample(serverMs: number): void;
  /** The server's time is this one or a later one: it has stored a message at it. */
  atLeast(serverMs: number): void;
}

export function createServerClock(): ServerClock {
  let offsetMs: number | undefined;
  return {
    now: () => (offsetMs === undefined ? Date.now() : Math.floor(performance.now() + offsetMs)),
    sample(serverMs) {
      offsetMs = serverMs - performance.now();
    },
    atLeast(serverMs) {
      const least = serverMs - performance.now();
      if (offsetMs !== undefined && least > offsetMs) offsetMs = least;
    },
  };
}
