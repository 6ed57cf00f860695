import { startTimeout } from "../core/timers.ts";

/** When a client that polls tries a stream. */
export interface ProbeTimer {
  /** Starts the wait for the next probe, and for those after it. */
  start(): void;
  stop(): void;
  /** The next probe is due at once, or after its whole time. Takes effect with `start`. */
  reset(isDue: boolean): void;
  /** The network may be another one: the next probe is due, unless the last one has just been made. */
  hint(): void;
}

/** How long after a probe the next one follows; up to half as long again, at random. */
const PROBE_MS = 25_000;

export function createProbeTimer(probe: () => void, probeMs: number = PROBE_MS): ProbeTimer {
  /** 0: the next probe is due. */
  let probedAt = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const start = (): void => {
    clearTimeout(timer);
    const dueAt = probedAt + probeMs * (1 + Math.random() / 2);
    timer = startTimeout(
      () => {
        probedAt = Date.now();
        probe();
        start();
      },
      // Node.js 26 warns of a negative wait.
      Math.max(0, dueAt - Date.now()),
    );
  };

  return {
    start,
    stop: () => clearTimeout(timer),
    reset(isDue) {
      probedAt = isDue ? 0 : Date.now();
    },
    hint() {
      // Some browsers report several changes at once.
      if (Date.now() - probedAt > probeMs / 3) probedAt = 0;
    },
  };
}
