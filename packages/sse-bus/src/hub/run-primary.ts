import cluster, { type Worker } from "node:cluster";
import type { Backend } from "../core/backend.ts";
import { createHistoryResolver } from "../core/history.ts";
import { memoryBackend } from "../core/memory-backend.ts";
import type { HubConfig } from "./hub-config.ts";
import type { Logger } from "./logger.ts";
import { processLink } from "./process-link.ts";
import type { Report } from "./report.ts";
import { createRpc, type Rpc, type RpcMethods } from "./rpc.ts";
import { readyLine } from "./run-alone.ts";
import { serveLog, toError } from "./serve-log.ts";
import { untilSignal } from "./until-signal.ts";
import { MAX_STALL_S, watchWorker } from "./watch-worker.ts";
import { startTimeout, withTimeout } from "../core/timers.ts";

/** A worker that dies is replaced; one that dies so soon is not a mishap, and ends the hub. */
const MIN_UPTIME_MS = 2000;
/** Time for the workers to drain, beyond what each takes for clients that read nothing. */
const MAX_CLOSING_MS = 8000;
/** A worker that does not answer in time is left out of health and metrics. */
const REPORT_TIMEOUT_MS = 2000;

/**
 * Runs the hub as several processes that share a port. Without a backend of their own they share the
 * log of this process, which serves no connection itself.
 */
export async function runPrimary(config: HubConfig, log: Logger): Promise<void> {
  const signal = untilSignal();
  cluster.setupPrimary({ serialization: "advanced" });
  const memory = config.backendUrl === undefined ? await openMemory(config, log) : undefined;
  const workers = new Map<Worker, Rpc>();
  let isStopping = false;

  function start(): Promise<string> {
    return new Promise((resolve, reject) => {
      const worker = cluster.fork();
      const startedAt = Date.now();
      const listening = ({ url }: { url: string }): void => {
        resolve(url);
        stopWatching = watchWorker(rpc, () => {
          const message = `A worker (process ${worker.process.pid}) has not answered for ${MAX_STALL_S} s, and is replaced. Its clients resume on another one.`;
          log.error("worker-stalled", new Error(message));
          worker.process.kill("SIGKILL");
        });
      };
      const rpc = connect(worker, memory, { reports, listening });
      let stopWatching = (): void => {};
      workers.set(worker, rpc);
      worker.once("exit", (code, killedBy) => {
        stopWatching();
        workers.delete(worker);
        if (isStopping) return;
        const message = `A worker ended (code ${code}, signal ${killedBy}).`;
        log.error("worker-ended", new Error(message));
        reject(new Error(message));
        if (Date.now() - startedAt < MIN_UPTIME_MS) process.exit(1);
        start().catch(() => {});
      });
    });
  }

  async function reports(wanted: { withMetrics: boolean }): Promise<Report[]> {
    const answers = [...workers.values()].map((rpc) => inTime(rpc.call<Report>("report", wanted)));
    return (await Promise.all(answers)).filter((report) => report !== undefined);
  }

  const [url = ""] = await Promise.all(Array.from({ length: config.workers }, start));
  log.info("listening", { url, workers: config.workers, pid: process.pid });
  process.stdout.write(readyLine(url));

  log.info("draining", { signal: await signal });
  isStopping = true;
  await stopAll(workers);
  await memory?.close();
  log.info("stopped");
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

/** With a backend of their own the workers ask nothing of a log, only of each other. */
function connect(worker: Worker, memory: Backend | undefined, methods: RpcMethods): Rpc {
  const link = processLink(worker);
  return memory ? serveLog(memory, link, methods) : createRpc(link, { methods, toError });
}

async function stopAll(workers: ReadonlyMap<Worker, Rpc>): Promise<void> {
  const ended = [...workers.keys()].map((worker) => new Promise((end) => worker.once("exit", end)));
  // A worker that dies before it answers has ended too.
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
