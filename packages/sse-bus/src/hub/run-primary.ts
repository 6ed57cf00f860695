import cluster, { type Worker } from "node:cluster";
import type { Backend } from "../core/backend.ts";
import { createLostConnectionCloser } from "./close-lost-connection.ts";
import { createHistoryResolver } from "../core/history.ts";
import { memoryBackend } from "../core/memory-backend.ts";
import type { HubConfig } from "./hub-config.ts";
import type { Logger } from "./logger.ts";
import { processTransport } from "./process-transport.ts";
import type { Report } from "./report.ts";
import { createRpc, type Rpc, type RpcMethods } from "./rpc.ts";
import { readyLine } from "./run-alone.ts";
import { serveLog, toError } from "./serve-log.ts";
import { untilSignal } from "./until-signal.ts";
import { MAX_STALL_S, watchWorker } from "./watch-worker.ts";
import { startTimeout, withTimeout } from "../core/timers.ts";

/** A worker that ends is replaced: at once, or after a growing delay if it ended this soon after its start. */
const MIN_UPTIME_MS = 2000;
const MIN_DELAY_MS = 250;
const MAX_DELAY_MS = 10_000;
/** How long the workers may take to drain, beyond what each allows for clients that read nothing. */
const MAX_CLOSING_MS = 8000;
/** A worker that does not answer in time is left out of health and metrics. */
const REPORT_TIMEOUT_MS = 2000;

/**
 * Runs the hub as several processes that share a port. Without a backend they share the log of this process,
 * which serves no connection itself.
 */
export async function runPrimary(config: HubConfig, log: Logger): Promise<void> {
  const signal = untilSignal();
  cluster.setupPrimary({ serialization: "advanced" });
  const memory = config.backendUrl === undefined ? await openMemory(config, log) : undefined;
  const workers = new Map<Worker, Rpc>();
  const closeLostConnection = createLostConnectionCloser();
  /** While the first workers start, the end of one is a fault of the configuration: the hub ends too. */
  let isStarted = false;
  let isStopping = false;
  const delays = new Set<ReturnType<typeof startTimeout>>();

  /**
   * Resolves with the URL once the worker listens.
   *
   * @param quickEnds How many workers before this one ended soon after their start
   */
  function start(quickEnds: number): Promise<string> {
    const worker = cluster.fork();
    const startedAt = Date.now();
    let stopWatching = (): void => {};
    closeLostConnection(worker);
    return new Promise((resolve, reject) => {
      const rpc = connect(worker, memory, { reports, listening });
      workers.set(worker, rpc);
      worker.once("exit", onExit);

      function listening({ url }: { url: string }): void {
        resolve(url);
        stopWatching = watchWorker(rpc, () => killStalled(worker, log));
      }

      function onExit(code: number, killedBy: string): void {
        stopWatching();
        workers.delete(worker);
        if (isStopping) return;
        const ended = new Error(`A worker ended (code ${code}, signal ${killedBy}).`);
        log.error("worker-ended", ended);
        reject(ended);
        if (!isStarted) process.exit(1);
        replaceAfter(Date.now() - startedAt < MIN_UPTIME_MS ? quickEnds + 1 : 0);
      }
    });
  }

  function replaceAfter(quickEnds: number): void {
    const delay = startTimeout(() => {
      delays.delete(delay);
      start(quickEnds).catch(() => {});
    }, delayAfter(quickEnds));
    delays.add(delay);
  }

  async function reports(wanted: { withMetrics: boolean }): Promise<Report[]> {
    const answers = [...workers.values()].map((rpc) => inTime(rpc.call<Report>("report", wanted)));
    return (await Promise.all(answers)).filter((report) => report !== undefined);
  }

  const [url = ""] = await Promise.all(
    Array.from({ length: config.workers }, async () => start(0)),
  );
  isStarted = true;
  log.info("listening", { url, workers: config.workers, pid: process.pid });
  process.stdout.write(readyLine(url));

  log.info("draining", { signal: await signal });
  isStopping = true;
  for (const delay of delays) clearTimeout(delay);
  await stopAll(workers);
  await memory?.close();
  log.info("stopped");
}

function delayAfter(quickEnds: number): number {
  return quickEnds === 0 ? 0 : Math.min(MAX_DELAY_MS, MIN_DELAY_MS * 2 ** (quickEnds - 1));
}

function killStalled(worker: Worker, log: Logger): void {
  const message = `A worker (process ${worker.process.pid}) has not answered for ${MAX_STALL_S} s, and is replaced. Its clients resume on another one.`;
  log.error("worker-stalled", new Error(message));
  worker.process.kill("SIGKILL");
}

async function openMemory(config: HubConfig, log: Logger): Promise<Backend> {
  const backend = memoryBackend();
  await backend.open({
    history: createHistoryResolver(config.bus.history),
    maxHistoryBytes: config.bus.maxHistoryBytes as number,
    onError: (error) => log.error("error", error),
    onStatus: () => {},
    onRestart: () => {},
  });
  return backend;
}

/** With a backend the workers do not use a log of this process; they only exchange reports. */
function connect(worker: Worker, memory: Backend | undefined, methods: RpcMethods): Rpc {
  const transport = processTransport(worker);
  return memory ? serveLog(memory, transport, methods) : createRpc(transport, { methods, toError });
}

async function stopAll(workers: ReadonlyMap<Worker, Rpc>): Promise<void> {
  const ended = [...workers.keys()].map((worker) => new Promise((end) => worker.once("exit", end)));
  // A worker that ends before it answers has ended too.
  for (const rpc of workers.values()) rpc.call("close").catch(() => {});
  const kill = startTimeout(() => {
    for (const worker of workers.keys()) worker.process.kill("SIGKILL");
  }, MAX_CLOSING_MS);
  await Promise.all(ended);
  clearTimeout(kill);
}

async function inTime(report: Promise<Report>): Promise<Report | undefined> {
  const timeout = (): Error => new Error(`No report within ${REPORT_TIMEOUT_MS} ms`);
  return withTimeout(report, REPORT_TIMEOUT_MS, timeout).catch(() => undefined);
}
