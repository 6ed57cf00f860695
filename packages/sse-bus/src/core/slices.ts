import { afterTurn } from "./flusher.ts";

/** How long work may hold the event loop before everybody else has a turn, in ms. */
const SLICE_MS = 1;
/** Begun in the turn of whoever asks, with others who ask in the same one. */
const FIRST_SLICE_MS = 0.5;

/** What goes on in a later turn: one a turn, however much work is under way. */
const waiting: (() => void)[] = [];

/**
 * Does work that may be long in slices, so that nobody else waits for it: a generator yields wherever
 * it may be interrupted. What is short is done at once.
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

/** Resolves in a later turn, in which no other work of this kind goes on. */
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
