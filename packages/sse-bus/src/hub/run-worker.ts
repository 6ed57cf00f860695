import { backendFromUrl } from "../backends/backend-from-url.ts";
import { createBus } from "../core/bus.ts";
import { fastPathsOff } from "../http/fast-paths.ts";
import { loadMetrics } from "../http/metrics-handler.ts";
import { routeContext } from "../http/route-context.ts";
import { createHubWith } from "./create-hub.ts";
import type { HubConfig } from "./hub-config.ts";
import { listenAsTold } from "./listen.ts";
import type { Logger } from "./logger.ts";
import { processLink } from "./process-link.ts";
import { mergedHealth, mergedMetrics, type Report } from "./report.ts";
import { workerBackend } from "./worker-backend.ts";

/** Runs one of several processes that are one hub, until the primary process ends it. */
export async function runWorker(config: HubConfig, log: Logger): Promise<void> {
  // The primary process decides; a signal to the whole group comes to each of us too.
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => {});
  const link = processLink(process);
  const shared = workerBackend(link, { report, close, alive: () => true });
  const { backendUrl } = config;
  const bus = createBus({
    ...config.bus,
    backend: backendUrl === undefined ? shared : backendFromUrl(backendUrl),
    onError: (error) => log.error("error", error),
  });
  const context = routeContext(bus);
  let metrics: ReturnType<typeof loadMetrics> | undefined;

  async function report({ withMetrics }: { withMetrics: boolean }): Promise<Report> {
    const registry = withMetrics
      ? await (metrics ??= loadMetrics(context, { nodeMetrics: true }))
      : undefined;
    const { status, backend, channels } = bus.stats();
    return {
      isUp: status === "up",
      isDraining: context.connections.isDraining,
      backend,
      channels,
      connections: context.connections.open.size,
      fastPathsOff: fastPathsOff(),
      metrics: (await registry?.getMetricsAsJSON()) ?? [],
    };
  }

  async function close(): Promise<void> {
    await hub.close();
    await bus.close();
    // After the answer has left.
    setImmediate(() => process.disconnect());
  }

  const askAll = (withMetrics: boolean): Promise<Report[]> =>
    shared.rpc.call<Report[]>("reports", { withMetrics });
  const hub = createHubWith(
    { ...config.hub, bus },
    {
      health: async () => mergedHealth(await askAll(false)),
      metrics: async () => mergedMetrics(await askAll(true)),
    },
  );
  // A worker without its primary process has no log, no port and nobody to end it.
  link.onClose(() => process.exit(0));
  const url = await listenAsTold(hub, config);
  log.info("worker-listening", { url, pid: process.pid });
  shared.rpc.notify("listening", { url });
}
