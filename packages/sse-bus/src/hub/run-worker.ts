import { backendFromUrl } from "../backends/backend-from-url.ts";
import { createBus } from "../core/bus.ts";
import { fastPathsOff } from "../http/fast-paths.ts";
import { loadMetrics } from "../http/metrics-handler.ts";
import { routeContext } from "../http/route-context.ts";
import { createHubWith } from "./create-hub.ts";
import type { HubConfig } from "./hub-config.ts";
import { listenOrExplain } from "./listen.ts";
import type { Logger } from "./logger.ts";
import { processTransport } from "./process-transport.ts";
import { mergedHealth, mergedMetrics, type Report } from "./report.ts";
import { workerBackend } from "./worker-backend.ts";

/** Runs one of several processes of a hub, until the primary ends it. */
export async function runWorker(config: HubConfig, log: Logger): Promise<void> {
  // The primary decides when to stop. A signal to the process group reaches each worker too.
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => {});
  const transport = processTransport(process);
  const shared = workerBackend(transport, { report, close, alive: () => true });
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
    // After the answer has been sent.
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
  // Without the primary a worker has no log and no port, and nothing would end it.
  transport.onClose(() => process.exit(0));
  const url = await listenOrExplain(hub, config);
  log.info("worker-listening", { url, pid: process.pid });
  shared.rpc.notify("listening", { url });
}
