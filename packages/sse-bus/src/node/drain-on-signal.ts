import { constants } from "node:os";
import { type BusInternals, internalsOf } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import type { ChannelMap } from "../core/types.ts";
import { drainConnections } from "../http/drain.ts";
import { sharedBuses } from "../core/shared-bus.ts";
import { closeIdleOfStoppedServers } from "./close-idle.ts";
import { startTimeout } from "../core/timers.ts";
import { takenPaths } from "./undocumented/take-over.ts";

const INSTALLED: unique symbol = Symbol.for("sse-bus.drain");

/** How long the last events may take to be sent before the signal is raised again. */
const FAREWELL_MS = 100;

interface Shared {
  /** The buses that are drained beside the shared ones. */
  [INSTALLED]?: Set<BusInternals>;
}

/**
 * On SIGTERM and SIGINT, ends every stream of these buses, of every shared bus and of every path that is taken over,
 * each with `bye` "drain". Otherwise a server waits for open streams forever, as `next start` does
 * (github.com/vercel/next.js/issues/53661). The process then ends as it would without this call. Idempotent.
 *
 * @example
 * ```ts
 * drainOnSignal(bus);
 * ```
 */
export function drainOnSignal<Channels extends ChannelMap, Inputs extends ChannelMap>(
  ...buses: readonly Bus<Channels, Inputs>[]
): void {
  const drained = install();
  for (const bus of buses) drained.add(internalsOf(bus));
}

function install(): Set<BusInternals> {
  const shared = globalThis as Shared;
  if (shared[INSTALLED]) return shared[INSTALLED];
  const drained = new Set<BusInternals>();
  shared[INSTALLED] = drained;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    let others = 0;
    // Counted first: a listener that was added with `once` is removed before it is called.
    process.prependOnceListener(signal, () => {
      others = process.listenerCount(signal) - 1;
    });
    process.once(signal, () => {
      closeIdleOfStoppedServers();
      for (const internals of [...drained, ...allBuses()]) drainConnections(internals);
      // A listener disables Node's default, which is to exit. Without another listener, restore it.
      if (others > 0) return;
      startTimeout(() => endBy(signal), FAREWELL_MS);
    });
  }
  return drained;
}

/**
 * Ends the process as the signal does by default. Linux ignores that signal in the first process of a container, which
 * would then run until it is killed.
 *
 * @see https://man7.org/linux/man-pages/man7/pid_namespaces.7.html
 */
function endBy(signal: "SIGTERM" | "SIGINT"): void {
  if (process.pid === 1) process.exit(128 + constants.signals[signal]);
  process.kill(process.pid, signal);
}

/** A bus that is shared and taken over appears twice: draining is idempotent. */
function allBuses(): BusInternals[] {
  const shared = sharedBuses().map((bus) => internalsOf(bus));
  return [...shared, ...takenPaths().flatMap(({ context }) => context ?? [])];
}
