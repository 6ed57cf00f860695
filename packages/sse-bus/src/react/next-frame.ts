import { startTimeout } from "../core/timers.ts";

/** Runs a function once in the next frame, even if it is requested several times before. */
export interface FrameRequest {
  request(): void;
  cancel(): void;
}

/** A hidden page draws no frames. It updates at this interval, so that it is current when shown. */
const HIDDEN_MS = 250;

export function nextFrame(run: () => void): FrameRequest {
  let cancel: (() => void) | undefined;

  const act = (): void => {
    cancel?.();
    cancel = undefined;
    run();
  };
  return {
    request() {
      cancel ??= schedule(act);
    },
    cancel() {
      cancel?.();
      cancel = undefined;
    },
  };
}

function schedule(act: () => void): () => void {
  if (globalThis.document?.visibilityState === "visible") {
    const frame = requestAnimationFrame(act);
    // A page that is hidden before the frame comes would wait until it is shown.
    const timer = startTimeout(act, HIDDEN_MS);
    return () => {
      cancelAnimationFrame(frame);
      clearTimeout(timer);
    };
  }
  const timer = startTimeout(act, HIDDEN_MS);
  return () => clearTimeout(timer);
}
