// A hundred thousand streams on one hub with several workers: `pnpm bench:scale [--streams N] [--name NAME]`.
// Measures memory of processes and kernel, a broadcast to all, a reconnect of all, and a quiet minute.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Load, openLoad } from "./load.ts";
import { describeMachine } from "./machine.ts";
import { resultsFolder } from "./paths.ts";
import { endAll } from "./process.ts";
import { memoryOf, type MemoryUse } from "./scale-memory.ts";
import { broadcastMs, type ScaleHub, startScaleHub } from "./scale-hub.ts";
import { median } from "./statistics.ts";
import { pause } from "./stretch.ts";
import { usageOf } from "./usage.ts";

/** Below the 20,000 descriptors that many systems grant to a process. */
const STREAMS_PER_PROCESS = 16_700;
const BROADCASTS = 5;
const QUIET_MS = 60_000;
/** After opening: for garbage collection, and for the kernel to free what the handshakes used. */
const SETTLE_MS = 5000;

interface Figures {
  readonly openSeconds: number;
  readonly processKb: number;
  readonly kernelKb: number;
  readonly [figure: string]: number;
}

const { values } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== "--"),
  options: {
    streams: { type: "string", default: "100000" },
    name: { type: "string", default: `${new Date().toISOString().slice(0, 10)}-scale` },
  },
});
const streams = Number(values.streams);
const generators = Math.ceil(streams / STREAMS_PER_PROCESS);
process.once("SIGINT", () => {
  endAll();
  process.exit(1);
});

const machine = describeMachine();
const results = {
  machine,
  streams,
  workers: generators,
  oneChannel: await oneChannel(),
  ownChannels: await ownChannels(),
};
writeFileSync(join(resultsFolder, `${values.name}.json`), `${JSON.stringify(results, null, 2)}\n`);
writeFileSync(join(resultsFolder, `${values.name}.md`), page());
console.log(page());

/** Everybody reads the same channel, with heartbeats every 15 s. */
async function oneChannel(): Promise<Figures> {
  await using hub = await startScaleHub({ workers: generators, streams });
  const before = memoryOf(hub.pid);
  let loads = await openAll(hub, () => "/sse");
  const opened = await perStream(hub, before);
  const broadcasts: number[] = [];
  for (let n = 0; n < BROADCASTS; n++) broadcasts.push(await broadcastMs(hub, loads.all));
  const quiet = usageOf(hub.pid).cpuSeconds;
  await pause(QUIET_MS);
  const quietCpuSeconds = usageOf(hub.pid).cpuSeconds - quiet;
  await Promise.all(loads.all.map((load) => load[Symbol.asyncDispose]()));
  const first = loads.seconds;
  const cpu = usageOf(hub.pid).cpuSeconds;
  loads = await openAll(hub, () => "/sse");
  const reconnectCpuSeconds = usageOf(hub.pid).cpuSeconds - cpu;
  const afterReconnect = await broadcastMs(hub, loads.all);
  await Promise.all(loads.all.map((load) => load[Symbol.asyncDispose]()));
  return {
    openSeconds: first,
    ...opened,
    broadcastMedianMs: median(broadcasts),
    broadcastMaxMs: Math.max(...broadcasts),
    quietCpuSeconds,
    reconnectSeconds: loads.seconds,
    reconnectCpuSeconds,
    broadcastAfterReconnectMs: afterReconnect,
  };
}

/** Each stream has a channel of its own. */
async function ownChannels(): Promise<Figures> {
  await using hub = await startScaleHub({ workers: generators, streams });
  const before = memoryOf(hub.pid);
  const loads = await openAll(hub, (generator) => `/sse?channel=c${generator}/%d`);
  const opened = await perStream(hub, before);
  const latencies: number[] = [];
  for (let n = 0; n < 200; n++) {
    const started = performance.now();
    await hub.publish({ n }, `c${n % generators}/${n}`);
    latencies.push(performance.now() - started);
  }
  await Promise.all(loads.all.map((load) => load[Symbol.asyncDispose]()));
  return { openSeconds: loads.seconds, ...opened, publishMedianMs: median(latencies) };
}

interface Opened {
  readonly all: readonly Load[];
  readonly seconds: number;
}

/** Opens all streams at once, from as many processes as the hub has workers. */
async function openAll(hub: ScaleHub, pathOf: (generator: number) => string): Promise<Opened> {
  const started = performance.now();
  const all = await Promise.all(
    Array.from({ length: generators }, async (_, generator) => {
      const first = generator * STREAMS_PER_PROCESS;
      const connections = Math.min(STREAMS_PER_PROCESS, streams - first);
      const path = pathOf(generator);
      const options = { port: hub.port, connections, path, address: 2 + generator };
      return openLoad({ ...options, channels: connections });
    }),
  );
  return { all, seconds: (performance.now() - started) / 1000 };
}

async function perStream(
  hub: ScaleHub,
  before: MemoryUse,
): Promise<{ readonly processKb: number; readonly kernelKb: number }> {
  await pause(SETTLE_MS);
  const after = memoryOf(hub.pid);
  return {
    processKb: (after.processKb - before.processKb) / streams,
    kernelKb: (after.kernelKb - before.kernelKb) / streams,
  };
}

function page(): string {
  const { oneChannel: one, ownChannels: own } = results;
  const figure = (value: number | undefined, unit: string): string =>
    value === undefined ? "" : `${value.toFixed(value < 100 ? 2 : 0)} ${unit}`;
  const rows: readonly [string, keyof Figures & string, string][] = [
    ["to open all", "openSeconds", "s"],
    ["memory of the hub's processes per stream (PSS)", "processKb", "KB"],
    ["memory of the kernel per stream, both ends", "kernelKb", "KB"],
    ["one broadcast: from the request to the last reader, median", "broadcastMedianMs", "ms"],
    ["the slowest of five", "broadcastMaxMs", "ms"],
    ["CPU of a quiet minute, heartbeats every 15 s", "quietCpuSeconds", "s"],
    ["to reconnect all", "reconnectSeconds", "s"],
    ["CPU of the reconnect", "reconnectCpuSeconds", "s"],
    ["a broadcast after it", "broadcastAfterReconnectMs", "ms"],
    ["a publish over HTTP, median", "publishMedianMs", "ms"],
  ];
  return [
    `# ${streams.toLocaleString("en")} streams: ${values.name}`,
    "",
    `One hub with ${generators} workers and its log in memory. The hub and ${generators} load generators share ${machine.cores} cores (${machine.cpu}, Node.js ${machine.node}, commit ${machine.commit}); load at start ${machine.loadAtStart}.`,
    "Made by `pnpm bench:scale`.",
    "",
    "|  | one channel | a channel for each stream |",
    "| --- | ---: | ---: |",
    ...rows.map(
      ([title, name, unit]) =>
        `| ${title} | ${figure(one[name], unit)} | ${figure(own[name], unit)} |`,
    ),
    "",
  ].join("\n");
}
