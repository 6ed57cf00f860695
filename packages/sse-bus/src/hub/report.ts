import type { MetricObjectWithValues, MetricValue } from "prom-client";
import { loadPromClient } from "../http/load-prom-client.ts";

/** What one worker tells of itself. */
export interface Report {
  readonly isUp: boolean;
  readonly isDraining: boolean;
  readonly backend: string;
  /** Channels that this worker has readers of. */
  readonly channels: number;
  readonly connections: number;
  /** See `fastPathsOff`. */
  readonly fastPathsOff: Readonly<Record<string, string>> | undefined;
  /** Empty unless asked for. */
  readonly metrics: MetricObjectWithValues<MetricValue<string>>[];
}

/** `/health` of all workers as one: well only when each of them is. */
export function mergedHealth(reports: readonly Report[]): Response {
  const isDraining = reports.some((report) => report.isDraining);
  const isUp = reports.length > 0 && reports.every((report) => report.isUp);
  const status = isDraining ? "draining" : isUp ? "ok" : "down";
  const off = Object.assign({}, ...reports.map((report) => report.fastPathsOff)) as object;
  const body = {
    status,
    backend: reports[0]?.backend,
    connections: sum(reports, (report) => report.connections),
    // Each worker's own: a channel that readers of two workers share counts twice.
    channels: sum(reports, (report) => report.channels),
    workers: reports.length,
    ...(Object.keys(off).length > 0 && { fastPathsOff: off }),
  };
  return Response.json(body, {
    status: status === "ok" ? 200 : 503,
    headers: { "Cache-Control": "no-store" },
  });
}

/** `/metrics` of all workers as one; each metric says how its values are put together. */
export async function mergedMetrics(reports: readonly Report[]): Promise<Response> {
  const { AggregatorRegistry } = await loadPromClient();
  const registry = AggregatorRegistry.aggregate(reports.map(({ metrics }) => metrics));
  return new Response(await registry.metrics(), {
    headers: { "Content-Type": registry.contentType, "Cache-Control": "no-store" },
  });
}

function sum(reports: readonly Report[], read: (report: Report) => number): number {
  return reports.reduce((total, report) => total + read(report), 0);
}
