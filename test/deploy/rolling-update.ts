import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { createReconnectingStream } from "../support/reconnecting-stream.ts";
import type { RunningProcess } from "../support/processes.ts";
import { waitFor } from "../support/wait-for.ts";
import type { Rollout } from "./manifests.ts";
import { type Service, startService } from "./service.ts";

export interface Pod extends AsyncDisposable {
  readonly port: number;
  readonly process: RunningProcess;
}

export interface RollingUpdateOptions {
  readonly rollout: Rollout;
  /** Starts a pod with the variables of the manifest. */
  readonly startPod: (env: Readonly<Record<string, string>>) => Promise<Pod>;
  readonly streamPath: string;
  readonly publishPath: string;
  readonly channel: string;
  /** How a pod exits after SIGTERM. @default 0 */
  readonly exitCode?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

const READERS = 40;
const PUBLISH_EVERY_MS = 25;

/**
 * Replaces every pod as Kubernetes does with this Deployment, while clients read and publish. Expects that no
 * request is refused, that each client receives each message once and in order, and that each pod exits in time.
 */
export async function expectSeamlessUpdate(options: RollingUpdateOptions): Promise<void> {
  const {
    rollout,
    startPod,
    streamPath,
    publishPath,
    channel,
    headers = {},
    exitCode = 0,
  } = options;
  await using service = await startService();
  let pods = await Promise.all(
    Array.from({ length: rollout.replicas }, () => startPod(rollout.env)),
  );
  const stopAll: (() => unknown)[] = [];
  try {
    for (const pod of pods) await untilReady(pod, rollout);
    service.setPods(pods.map(({ port }) => port));
    const readers = Array.from({ length: READERS }, () =>
      startReader(`${service.url}${streamPath}?channel=${channel}`, headers),
    );
    for (const reader of readers) stopAll.push(reader.stop);
    await waitFor("all readers", async () => readers.every(({ isOpen }) => isOpen()));
    const publisher = startPublisher(async (n) => {
      const response = await fetch(service.url + publishPath, {
        method: "POST",
        // A new connection each time, which the service gives to one of the pods.
        headers: { ...headers, "Content-Type": "application/json", Connection: "close" },
        body: JSON.stringify({ channel, data: n }),
      });
      expect(response.status, await response.text()).toBe(200);
    });

    stopAll.push(() => void publisher.stop().catch(() => {}));
    for (const old of pods) {
      const fresh = await startPod(rollout.env);
      pods = [...pods, fresh];
      await untilReady(fresh, rollout);
      expect(await terminate(old, pods, service, rollout)).toEqual({
        code: exitCode,
        signal: null,
      });
      pods = pods.filter((pod) => pod !== old);
    }

    const published = await publisher.stop();
    await waitFor("the last message", async () =>
      readers.every(({ seen }) => seen.at(-1) === published),
    );
    const expected = Array.from({ length: published }, (_, index) => index + 1);
    for (const reader of readers) {
      reader.stop();
      expect(reader.seen).toEqual(expected);
      expect(reader.gaps()).toBe(0);
      expect(reader.refused()).toBe(0);
      expect(reader.byes).toContain("drain");
    }
    console.log(
      `${published} messages to each of ${READERS} readers, ${rollout.replicas} pods replaced`,
    );
  } finally {
    for (const stop of stopAll) stop();
    for (const pod of pods) await pod[Symbol.asyncDispose]();
  }
}

async function untilReady({ port }: Pod, { readinessPath }: Rollout): Promise<void> {
  await waitFor("the pod to be ready", async () => (await probe(port, readinessPath)) === 200, {
    timeoutMs: 60_000,
  });
}

/** The status, or 0 if the connection is refused. */
async function probe(port: number, path: string): Promise<number> {
  return fetch(`http://127.0.0.1:${port}${path}`).then(
    ({ status }) => status,
    () => 0,
  );
}

/** Deletes a pod. The proxies of a cluster learn of it some time later, at the latest within `preStop`. */
async function terminate(old: Pod, pods: readonly Pod[], service: Service, rollout: Rollout) {
  const { preStopMs, graceMs, readinessPath } = rollout;
  const deleted = performance.now();
  // The times of the manifest are what this is about.
  await sleep(0.8 * preStopMs);
  service.setPods(pods.filter((pod) => pod !== old).map(({ port }) => port));
  await sleep(0.2 * preStopMs);
  expect(await probe(old.port, readinessPath)).toBe(200);
  old.process.signal("SIGTERM");
  const isReady = async (): Promise<boolean> => (await probe(old.port, readinessPath)) === 200;
  await waitFor("the draining pod to be unready", async () => !(await isReady()));
  const exit = await old.process.exited;
  const tookMs = performance.now() - deleted;
  console.log(
    `a pod ended ${Math.round(tookMs - preStopMs)} ms after SIGTERM: ${JSON.stringify(exit)}`,
  );
  // Kubernetes would then send SIGKILL.
  expect(tookMs).toBeLessThan(graceMs);
  return exit;
}

function startPublisher(publish: (n: number) => Promise<void>) {
  let n = 0;
  let isStopped = false;
  const running = (async () => {
    while (!isStopped) {
      await publish(n + 1);
      n += 1;
      await sleep(PUBLISH_EVERY_MS);
    }
  })();
  // A refused request is reported by `stop`, also if it is refused long before.
  running.catch(() => {});
  return {
    async stop(): Promise<number> {
      isStopped = true;
      await running;
      return n;
    },
  };
}

/** A client that reconnects when `bye` says, as browsers do. */
function startReader(url: string, headers: Readonly<Record<string, string>>) {
  const seen: number[] = [];
  const byes: string[] = [];
  let retryMs = 0;
  let isOpen = false;
  let gaps = 0;
  let refused = 0;
  const stream = createReconnectingStream({
    url: () => url,
    headers,
    onConnect: () => (isOpen = true),
    onRefused: () => (refused += 1),
    retryMs: () => retryMs,
    onEvent({ event, data }) {
      if (event === "message") seen.push(JSON.parse(data) as number);
      if (event === "gap") gaps += 1;
      if (event !== "bye") return;
      const bye = JSON.parse(data) as { reason: string; retryMs: number };
      byes.push(bye.reason);
      retryMs = bye.retryMs;
    },
  });
  void stream.connect();
  return {
    seen,
    byes,
    isOpen: () => isOpen,
    gaps: () => gaps,
    refused: () => refused,
    stop: stream.disconnect,
  };
}
