import { type HttpAnswer, jsonAnswer, PRIVATE_HEADERS } from "../http/answer.ts";
import { metricsAnswer } from "../http/metrics-handler.ts";
import type { MetricObjectWithValues, MetricValue } from "prom-client";
import { loadPromClient } from "../http/load-prom-client.ts";

/** The state of one worker. */
export interface Report {
  readonly isUp: boolean;
  readonly isDraining: boolean;
  readonly backend: string;
  /** Channels with a reader in this worker. */
  readonly channels: number;
  readonly connections: number;
  /** See `fastPathsOff`. */
  readonly fastPathsOff: Readonly<Record<string, string>> | undefined;
  /** Empty unless requested. */
  readonly metrics: MetricObjectWithValues<MetricValue<string>>[];
}

/** The answer to `/health` for all workers: `ok` only if each of them is. */
export function mergedHealth(reports: readonly Report[]): HttpAnswer {
  const isDraining = reports.some((report) => report.isDraining);
  const isUp = reports.length > 0 && reports.every((report) => report.isUp);
  const status = isDraining ? "draining" : isUp ? "ok" : "down";
  const off = Object.assign({}, ...reports.map((report) => report.fastPathsOff)) as object;
  const body = {
    status,
    backend: reports[0]?.backend,
    connections: sum(reports, (report) => report.connections),
    // A channel with readers in two workers counts twice.
    channels: sum(reports, (report) => report.channels),
    workers: reports.length,
    ...(Object.keys(off).length > 0 && { fastPathsOff: off }),
  };
  return jsonAnswer(body, PRIVATE_HEADERS, status === "ok" ? 200 : 503);
}

/** The answer to `/metrics` for all workers; each metric defines how its values are combined. */
export async function mergedMetrics(reports: readonly Report[]): Promise<HttpAnswer> {
  const { AggregatorRegistry } = await loadPromClient();
  const registry = AggregatorRegistry.aggregate(reports.map(({ metrics }) => metrics));
  return metricsAnswer(registry);
}

function sum(reports: readonly Report[], read: (report: Report) => number): number {
  return reports.reduce((total, report) => total + read(report), 0);
}
