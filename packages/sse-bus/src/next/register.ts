import { internalsOf } from "../core/bus.ts";
import { sharedBuses } from "../core/shared-bus.ts";
import { drainOnSignal } from "../node/drain-on-signal.ts";
import { installExchange } from "../node/exchange.ts";

/**
 * Prepares a Next.js server for event streams: connects the shared buses (a backend that cannot be
 * reached is an error at start), learns the addresses of clients, and ends open streams on SIGTERM,
 * so that a deploy drops nobody and `next start` exits.
 *
 * @throws SseBusError `BACKEND_UNAVAILABLE`
 * @example
 * ```ts
 * // instrumentation.ts
 * import { registerSseBus } from "sse-bus/next";
 *
 * export async function register() {
 *   await import("./lib/sse-bus");
 *   await registerSseBus();
 * }
 * ```
 */
export async function registerSseBus(): Promise<void> {
  if (process.env.NEXT_RUNTIME === "edge") return;
  await installExchange();
  drainOnSignal();
  await Promise.all(sharedBuses().map((bus) => internalsOf(bus).engine.open()));
}
