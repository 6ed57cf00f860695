import type { HostOptions } from "./host.ts";

// No types of prom-client: an app that has not installed it, and checks libraries too, would have an error here.

/** A `Registry` of prom-client, which the app installs. */
export interface MetricsRegistry {
  readonly contentType: string;
  metrics(): Promise<string>;
  registerMetric(metric: never): void;
}

/** Settings of a metrics route. */
export interface MetricsOptions extends HostOptions {
  /** A registry of the app's own, to answer its metrics with those of the bus. @default a new one */
  readonly registry?: MetricsRegistry;
  /** Adds Node's own: memory, event-loop lag, garbage collection. @default false */
  readonly nodeMetrics?: boolean;
}
