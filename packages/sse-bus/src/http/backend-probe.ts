import type { Engine } from "../core/engine.ts";
import { withTimeout } from "../core/timers.ts";

/** A probe that waits for a backend that hangs would be taken for a server that hangs. */
const OPEN_TIMEOUT_MS = 2000;

/**
 * Whether the backend has been connected, or can be: a server that cannot reach it at start must say
 * so, not stay silent.
 */
export async function isReachable(engine: Engine): Promise<boolean> {
  if (engine.isOpened || engine.isClosed) return engine.isOpened;
  const timeout = (): Error => new Error(`Not open within ${OPEN_TIMEOUT_MS} ms`);
  return withTimeout(engine.open(), OPEN_TIMEOUT_MS, timeout).then(
    () => true,
    () => false,
  );
}
