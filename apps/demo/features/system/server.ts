import { monitorEventLoopDelay } from "node:perf_hooks";
import { hostname, loadavg } from "node:os";
import { currentLoad, fsStats, mem, networkStats } from "systeminformation";
import { projection } from "@/lib/projection";
import { positionOf } from "@/lib/position-of";
import { publish } from "@/lib/sse-bus";
import {
  addSample,
  keptLines,
  logChannel,
  type LogLine,
  type Sample,
  type SamplesByHost,
  samplesChannel,
  type ShownLine,
} from "./sample";
import { readLogLine, readSample } from "./shape";

/** With the port, because several servers may share a machine and a bus. */
export const host = process.env.PORT ? `${hostname()}:${process.env.PORT}` : hostname();

// #region how publish
/** Measures this machine once per second, and publishes the sample. */
export function startSampling(): () => void {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  async function tick() {
    const sample = await measure(delay);
    await publish(sample, { channel: samplesChannel, event: "sample" });
  }

  delay.enable();
  // Exclude the delay of the server's start.
  setImmediate(() => delay.reset());
  const timer = setInterval(() => void tick().catch(console.error), 1_000).unref();
  return () => {
    clearInterval(timer);
    delay.disable();
  };
}
// #endregion

/** The page's initial data: two minutes of samples, and the last lines of the log. */
export const loadSamples = projection<SamplesByHost, Sample>({
  channel: samplesChannel,
  initial: {},
  read: readSample,
  apply: (all, sample, { time }) => addSample(all, sample, time),
});

export const loadLines = projection<ShownLine[], LogLine>({
  channel: logChannel,
  initial: [],
  read: readLogLine,
  apply: (lines, line, { id }) => [...lines, { ...line, id: positionOf(id) }].slice(-keptLines),
});

async function measure(delay: ReturnType<typeof monitorEventLoopDelay>): Promise<Sample> {
  const [cpu, memory, disk, network] = await Promise.all([
    currentLoad(),
    mem(),
    fsStats(),
    networkStats("*"),
  ]);
  const outside = network.filter(({ iface }) => iface !== "lo");
  const sample: Sample = {
    host,
    time: Date.now(),
    cores: cpu.cpus.map(({ load }) => round(load)),
    load: loadavg().map(round),
    memory: {
      used: memory.active,
      total: memory.total,
      process: process.memoryUsage.rss(),
    },
    eventLoop: { p50: lateness(delay.percentile(50)), p99: lateness(delay.percentile(99)) },
    disk: { read: known(disk?.rx_sec), written: known(disk?.wx_sec) },
    network: {
      received: sum(outside.map(({ rx_sec }) => rx_sec)),
      sent: sum(outside.map(({ tx_sec }) => tx_sec)),
    },
  };
  delay.reset();
  return sample;
}

/** Two measurements within one millisecond give 0 / 0. */
function known(rate: number | null | undefined): number | null {
  return Number.isFinite(rate) ? (rate as number) : null;
}

/** The histogram's unit is ns between ticks; ticks are 10 ms apart when the event loop is idle. */
function lateness(tickNs: number): number {
  return Number.isFinite(tickNs) ? round(Math.max(0, tickNs / 1e6 - 10)) : 0;
}

/** Rates are null in the first second, without an earlier measurement. */
function sum(rates: readonly (number | null)[]): number | null {
  const available = rates.map(known).filter((rate) => rate !== null);
  return available.length === 0
    ? null
    : Math.round(available.reduce((total, rate) => total + rate, 0));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
