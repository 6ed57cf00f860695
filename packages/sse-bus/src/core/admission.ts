import type { Engine } from "./engine.ts";
import { afterTurn } from "./flusher.ts";
import { assertOpen } from "./open-reader.ts";

/** Runs a call to the backend when its turn has come; calls go in the order they came. */
export type Admission = <T>(call: () => Promise<T>) => Promise<T>;

/** After so many calls a publisher waits for the event loop to take its turn. */
const MAX_TURN_CALLS = 100;

/**
 * Lets publishes through to the backend: at once as a rule, in a queue while one of them has to
 * wait, because whoever publishes without awaiting still means one after the other.
 */
export function createAdmission(engine: Engine, opening: Set<Promise<unknown>>): Admission {
  /** Calls in this turn of the event loop. */
  let turnCalls = 0;
  let last: Promise<void> | undefined;

  function count(): void {
    if (turnCalls++ === 0) afterTurn(endTurn);
  }

  function endTurn(): void {
    turnCalls = 0;
  }

  async function wait(): Promise<void> {
    // Awaiting publishes in a loop never leaves the microtask queue; sockets need the event loop.
    if (turnCalls >= MAX_TURN_CALLS) await new Promise<void>((resolve) => afterTurn(resolve));
    count();
    if (!engine.isOpened) await engine.open();
    // A listener that is still being connected must not miss what its own process publishes next.
    if (opening.size > 0) await Promise.all(opening);
    assertOpen(engine);
  }

  return async (call) => {
    if (!last && opening.size === 0 && engine.isOpened && turnCalls < MAX_TURN_CALLS) {
      count();
      return call();
    }
    const admitted = (last ?? Promise.resolve()).then(wait);
    const result = admitted.then(call);
    // The next one waits until this call is made, not until it is answered.
    const made = admitted.then(ignore, ignore);
    last = made;
    void made.then(() => {
      if (last === made) last = undefined;
    });
    return result;
  };
}

function ignore(): void {}
