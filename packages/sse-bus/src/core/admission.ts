import { assertOpen, type Engine, isOpen } from "./engine.ts";
import { afterTurn } from "./flusher.ts";

/** Runs a call to the backend when it may; calls keep their order. */
export type Admission = <T>(call: () => Promise<T>) => Promise<T>;

/** After this many calls in one turn, a publisher waits for the next turn of the event loop. */
const MAX_TURN_CALLS = 100;

/**
 * Passes publishes on to the backend. While one of them has to wait, the others queue behind it: calls
 * that nobody awaits must keep their order, too.
 *
 * @param connecting Subscribers of this process that are not live yet; publishes wait for them.
 */
export function createAdmission(engine: Engine, connecting: Set<Promise<unknown>>): Admission {
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
    if (!isOpen(engine)) await engine.lifecycle.open();
    // A subscriber that is not live yet must not miss what its own process publishes next.
    if (connecting.size > 0) await Promise.all(connecting);
    assertOpen(engine);
  }

  return async (call) => {
    if (!last && connecting.size === 0 && isOpen(engine) && turnCalls < MAX_TURN_CALLS) {
      count();
      return call();
    }
    const admitted = (last ?? Promise.resolve()).then(wait);
    const result = admitted.then(call);
    // The next call waits until this one is made, not until it is answered.
    const made = admitted.then(ignore, ignore);
    last = made;
    void made.then(() => {
      if (last === made) last = undefined;
    });
    return result;
  };
}

function ignore(): void {}
