import { type Engine, isClosed, isOpen } from "../core/engine.ts";
import { withTimeout } from "../core/timers.ts";

/** A health check that waits longer for a hanging backend would count the server itself as hanging. */
const OPEN_TIMEOUT_MS = 2000;

/**
 * Whether the backend is connected, or can be. A server that has not needed its backend yet tries to connect,
 * so that its health answer is true from the start.
 */
export async function isReachable(engine: Engine): Promise<boolean> {
  if (isOpen(engine)) return true;
  if (isClosed(engine)) return false;
  const timeout = (): Error => new Error(`Not open within ${OPEN_TIMEOUT_MS} ms`);
  return withTimeout(engine.lifecycle.open(), OPEN_TIMEOUT_MS, timeout).then(
    () => true,
    () => false,
  );
}
