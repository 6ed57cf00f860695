import type { Engine } from "../core/engine.ts";
import { startTimeout } from "../core/timers.ts";

/** A probe that waits for a backend that hangs would be taken for a server that hangs. */
const OPEN_TIMEOUT_MS = 2000;

/**
 * Whether the backend has been connected, or can be: a server that cannot reach it at start must say
 * so, not stay silent.
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
