import { open, pause, warmUp } from "./stretch.ts";
import type { Figures, Scale } from "./subject.ts";
import type { Variant } from "./variants.ts";

const HEARTBEAT_MS = 1000;

/** Idle connections: the cost to open and to keep one. */
export async function idle(
  variant: Variant,
  { rateSeconds }: Scale,
  readers: number,
): Promise<Figures> {
  // There is no heartbeat immediately after opening, when memory is measured.
  await using server = await variant.start({ HEARTBEAT_MS: String(HEARTBEAT_MS) });
  await warmUp(variant, server);
  const empty = await server.memory();
  const before = server.usage();
  await using load = await open(variant, server, { connections: readers });
  const opened = server.usage();
  const full = await server.memory();
  const figures: Figures = {
    connectCpuUs: ((opened.cpuSeconds - before.cpuSeconds) * 1e6) / readers,
    connectsPerSecond: readers / load.opened.seconds,
    connectGeneratorBusy: load.opened.cpuSeconds / load.opened.seconds,
    rssKb: (server.usage().rssKb - before.rssKb) / readers,
    ...(empty && full && { heapKb: (full.heapUsed - empty.heapUsed) / 1024 / readers }),
  };
  if (!variant.isOurs) return figures;
  const quiet = server.usage();
  const started = performance.now();
  await pause(rateSeconds * 1000);
  const beats = ((performance.now() - started) / HEARTBEAT_MS) * readers;
  const heartbeatCpuUs = ((server.usage().cpuSeconds - quiet.cpuSeconds) * 1e6) / beats;
  return { ...figures, heartbeatCpuUs };
}
