import { backendFromUrl } from "../backends/backend-from-url.ts";
import { createBus } from "../core/bus.ts";
import { createHub } from "./create-hub.ts";
import type { HubConfig } from "./hub-config.ts";
import { listenOrExplain } from "./listen.ts";
import type { Logger } from "./logger.ts";
import { untilSignal } from "./until-signal.ts";

/** Runs the hub in this process until a signal ends it. */
export async function runAlone(config: HubConfig, log: Logger): Promise<void> {
  const signal = untilSignal();
  const bus = createBus({
    ...config.bus,
    backend: backendFromUrl(config.backendUrl),
    onError: (error) => log.error("error", error),
  });
  const hub = createHub({ ...config.hub, bus });
  const url = await listenOrExplain(hub, config);
  log.info("listening", { url, backend: bus.stats().backend, pid: process.pid });
  process.stdout.write(readyLine(url));
  log.info("draining", { signal: await signal, connections: bus.stats().connections });
  await hub.close();
  await bus.close();
  log.info("stopped");
}

/** The line that a program which starts the hub can wait for. */
export function readyLine(url: string): string {
  return `sse-bus hub listening on ${url}\n`;
}
