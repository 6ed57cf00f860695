import type { Engine } from "../core/engine.ts";
import { startTimeout } from "../core/timers.ts";

/** A health check that waits longer for a hanging backend would count the server itself as hanging. */
const OPEN_TIMEOUT_MS = 2000;

/**
 * Whether the backend is connected, or can be. A server that has not needed its backend yet tries to connect,
 * so that its health answer is true from the start.
 */
export async function isReachable(engine: Engine): Promise<boolean> {
  if (engine.isOpened || engine.isClosed) return engine.isOpened;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = startTimeout(() => resolve(false), OPEN_TIMEOUT_MS);
  });
  const opened = engine.open().then(
    () => true,
    () => false,
  );
  return Promise.race([opened, late]).finally(() => clearTimeout(timer));
}
