import { SseBusError } from "./errors.ts";
import { withTimeout } from "./timers.ts";

const MAX_BEFORE_CLOSE_MS = 1000;
const LATE =
  "The bus was closed without telling the other instances, as the backend did not answer within 1,000 ms. They notice it when this instance's lease expires.";

/** Calls, once, what must reach the other instances before the backend closes. Waits a second at most. */
export async function callBeforeClose(
  beforeClose: Set<() => Promise<void> | void>,
  onError: (error: Error) => void,
): Promise<void> {
  if (beforeClose.size === 0) return;
  const all = [...beforeClose];
  beforeClose.clear();
  const calls = all.map(async (each) => {
    const late = (): Error => new SseBusError("BACKEND_UNAVAILABLE", LATE);
    await withTimeout(Promise.resolve(each()), MAX_BEFORE_CLOSE_MS, late).catch(onError);
  });
  await Promise.all(calls);
}
