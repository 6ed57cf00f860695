import { type Engine, isClosed, isOpen } from "../core/engine.ts";
import { startTimeout } from "../core/timers.ts";

/** A health check that waits longer for a hanging backend would count the server itself as hanging. */
const OPEN_TIMEOUT_MS = 2000;

/**
 * Whether the backend is connected, or can be. A server that has not needed its backend yet tries to connect,
 * so that its health answer is true from the start.
 */
export async function isReachable(engine: Engine): Promise<boolean> {
  if (isOpen(engine)) return true;
  if (isClosed(engine)) return false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = startTimeout(() => resolve(false), OPEN_TIMEOUT_MS);
  });
  const opened = engine.lifecycle.open().then(
    () => true,
    () => false,
  );
  return Promise.race([opened, late]).finally(() => clearTimeout(timer));
}
