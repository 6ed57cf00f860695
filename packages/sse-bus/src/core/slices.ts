import { afterTurn } from "./flusher.ts";

/** How long one slice may block the event loop, in ms. */
const SLICE_MS = 1;
/** Shorter, because the first slice runs in the caller's turn, and several callers may share one turn. */
const FIRST_SLICE_MS = 0.5;

/** Work that continues in a later turn. One slice runs per turn, regardless of how much work is waiting. */
const waiting: (() => void)[] = [];

/**
 * Runs long work in slices, so that it does not block the event loop. The work is a generator that yields
 * where it can be interrupted. Short work finishes in the first slice.
 */
export async function inSlices<Result>(work: Iterator<unknown, Result>): Promise<Result> {
  let until = performance.now() + FIRST_SLICE_MS;
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    if (performance.now() < until) continue;
    await nextTurn();
    until = performance.now() + SLICE_MS;
  }
}

/** Resolves in a later turn, in which no other slice runs. */
export async function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (waiting.length === 1) afterTurn(goOn);
  });
}

function goOn(): void {
  const resume = waiting.shift();
  if (waiting.length > 0) afterTurn(goOn);
  resume?.();
}
