import type { Registry } from "prom-client";
import type { BusInternals } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import { isReachable } from "./backend-probe.ts";
import { registerMetrics } from "./metrics.ts";

/** Settings of a metrics route. */
export interface MetricsOptions {
  /** A registry of the app's own, to answer its metrics with those of the bus. @default a new one */
  readonly registry?: Registry;
  /** Adds Node's own: memory, event-loop lag, garbage collection. @default false */
  readonly nodeMetrics?: boolean;
}

/**
 * Answers `/api/metrics` in the Prometheus text format. Everything is read from counters when it is
 * asked for: between two scrapes it costs nothing.
 */
export function createMetricsHandler(
  bus: Bus,
  internals: BusInternals,
  options: MetricsOptions = {},
): (request: Request) => Promise<Response> {
  let loading: Promise<Registry> | undefined;

  async function load(): Promise<Registry> {
    // Loaded by the first scrape: a server that nobody scrapes need not hold it.
    const prometheus = await import("prom-client");
    const registry = options.registry ?? new prometheus.Registry();
    registerMetrics(prometheus, registry, { bus, internals });
    if (options.nodeMetrics) prometheus.collectDefaultMetrics({ register: registry });
    return registry;
  }

  return async () => {
    // As health does: until something has connected the backend, nobody knows whether it is up.
    const [registry] = await Promise.all([(loading ??= load()), isReachable(internals.engine)]);
    return new Response(await registry.metrics(), {
      headers: { "Content-Type": registry.contentType, "Cache-Control": "no-store" },
    });
  };
}
