import { type BusInternals, internalsOf } from "../core/bus.ts";
import { drainConnections } from "../http/drain.ts";
import { sharedBuses } from "../core/shared-bus.ts";
import { closeIdleOfStoppedServers } from "./close-idle.ts";
import { startTimeout } from "../core/timers.ts";
import { takenPaths } from "./undocumented/take-over.ts";

const INSTALLED: unique symbol = Symbol.for("sse-bus.drain");

/** How long the last events may take to be sent before the signal is raised again. */
const FAREWELL_MS = 100;

/**
 * On SIGTERM and SIGINT, ends every stream of every shared bus and of every path that is taken over. Otherwise
 * `next start` waits for open streams for ever (github.com/vercel/next.js/issues/53661). Idempotent.
 */
export function drainOnSignal(): void {
  const shared = globalThis as { [INSTALLED]?: boolean };
  if (shared[INSTALLED]) return;
  shared[INSTALLED] = true;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => {
      closeIdleOfStoppedServers();
      for (const internals of allBuses()) drainConnections(internals);
      // A listener disables Node's default, which is to exit. Without another listener, restore it.
      if (process.listenerCount(signal) > 0) return;
      startTimeout(() => process.kill(process.pid, signal), FAREWELL_MS);
    });
  }
}

/** A bus that is shared and taken over appears twice: draining is idempotent. */
function allBuses(): BusInternals[] {
  const shared = sharedBuses().map((bus) => internalsOf(bus));
  return [...shared, ...takenPaths().flatMap(({ context }) => context ?? [])];
}
