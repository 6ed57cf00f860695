import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import { hostname, loadavg } from "node:os";
import { setTimeout } from "node:timers/promises";
import { currentLoad, fsStats, mem, networkStats } from "systeminformation";
import { publish } from "@/lib/sse-bus";
import { samples } from "./live";
import type { Sample } from "./sample";

/** With the port, because several servers may share a machine and a bus. */
export const host = process.env.PORT ? `${hostname()}:${process.env.PORT}` : hostname();

/** Measures this machine once per second, and publishes the sample, until `signal` aborts. */
export async function startSampling(signal: AbortSignal): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  signal.addEventListener("abort", () => delay.disable());
  while (!signal.aborted) {
    await setTimeout(1_000, undefined, { signal, ref: false });
    const sample = await measure(delay);
    publish(sample, { channel: samples.channel, event: "sample" }).catch(console.error);
  }
}

async function measure(delay: IntervalHistogram): Promise<Sample> {
  const measuring = [currentLoad(), mem(), fsStats(), networkStats("*")] as const;
  const [{ cpus }, memory, disk, interfaces] = await Promise.all(measuring);
  const network = interfaces.filter(({ iface }) => iface !== "lo");
  // The histogram has the ns between ticks, which are 10 ms apart when the event loop is idle.
  const lateMs = (percent: number) => round(Math.max(0, delay.percentile(percent) / 1e6 - 10));
  const eventLoop = { p50: lateMs(50), p99: lateMs(99) };
  delay.reset();
  return {
    host,
    time: Date.now(),
    cores: cpus.map(({ load }) => round(load)),
    load: loadavg().map(round),
    memory: { used: memory.active, total: memory.total, process: process.memoryUsage.rss() },
    eventLoop,
    disk: { read: sum([disk?.rx_sec]), written: sum([disk?.wx_sec]) },
    network: {
      received: sum(network.map(({ rx_sec }) => rx_sec)),
      sent: sum(network.map(({ tx_sec }) => tx_sec)),
    },
  };
}

/** `null` without an earlier measurement, or with one in the same millisecond: 0 / 0. */
function sum(rates: readonly (number | null | undefined)[]): number | null {
  const known = rates.filter((rate) => Number.isFinite(rate)) as number[];
  return known.length > 0 ? Math.round(known.reduce((all, rate) => all + rate)) : null;
}

const round = (value: number): number => Math.round(value * 10) / 10;
