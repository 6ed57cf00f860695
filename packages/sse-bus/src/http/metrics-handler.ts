import type { Registry } from "prom-client";
import { isReachable } from "./backend-probe.ts";
import { assertAllowedHosts, checkHost } from "./host.ts";
import { loadPromClient } from "./load-prom-client.ts";
import { registerMetrics } from "./metrics.ts";
import type { MetricsOptions, MetricsRegistry } from "./metrics-options.ts";
import { type HttpAnswer, PRIVATE_HEADERS } from "./answer.ts";
import { answerRequests } from "./answer-request.ts";
import type { HttpCall, Handler } from "./call.ts";
import { checkReadMethod, READ_METHODS } from "./read-methods.ts";
import type { RouteContext } from "./route-context.ts";

/**
 * Answers `/api/metrics` in the Prometheus text format. Metrics are read from counters when they are
 * requested: between two scrapes they cost nothing.
 *
 * Without the package `prom-client` every answer is 501 `METRICS_UNAVAILABLE`, and `onError` is called once.
 *
 * @throws SseBusError `INVALID_OPTION`
 */
export function createMetricsHandler(context: RouteContext, options: MetricsOptions = {}): Handler {
  assertAllowedHosts(options.allowedHosts);
  let loading: Promise<Registry> | undefined;

  async function answer({ head }: HttpCall): Promise<HttpAnswer> {
    checkReadMethod(head);
    checkHost(head, options);
    // The first scrape loads the library: a server that nobody scrapes need not hold it.
    loading ??= loadMetrics(context, options);
    // As health does: until something has connected the backend, nobody knows whether it is up.
    const [registry] = await Promise.all([loading, isReachable(context.engine)]);
    return metricsAnswer(registry);
  }

  return answerRequests(context, { allow: READ_METHODS }, answer);
}

/** The metrics of a registry, in the Prometheus text format. */
export async function metricsAnswer(registry: MetricsRegistry): Promise<HttpAnswer> {
  const body = await registry.metrics();
  return {
    status: 200,
    headers: { "Content-Type": registry.contentType, ...PRIVATE_HEADERS },
    body,
  };
}

/**
 * Loads `prom-client`, and registers the metrics of a bus.
 *
 * @throws SseBusError `METRICS_UNAVAILABLE`, which is also reported to `onError`
 */
export async function loadMetrics(
  context: RouteContext,
  options: MetricsOptions,
): Promise<Registry> {
  const client = await loadPromClient().catch((error: Error) => {
    context.onError(error);
    throw error;
  });
  const registry = (options.registry as Registry | undefined) ?? new client.Registry();
  registerMetrics(client, registry, context);
  if (options.nodeMetrics) client.collectDefaultMetrics({ register: registry });
  return registry;
}
