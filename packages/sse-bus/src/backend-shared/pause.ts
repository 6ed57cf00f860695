import { startTimeout } from "../core/timers.ts";

/** A wait that can be ended early. One at a time. */
export interface Pause {
  /** Resolves after `ms`, or when {@link end} is called. */
  wait(ms: number): Promise<void>;
  /** Ends the current wait, if there is one. */
  end(): void;
}

export function createPause(): Pause {
  let end = (): void => {};
  return {
    wait: (ms) =>
      new Promise((resolve) => {
        const timer = startTimeout(resolve, ms);
        end = () => {
          clearTimeout(timer);
          resolve();
        };
      }),
    end: () => end(),
  };
}
