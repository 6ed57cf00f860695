import { join } from "node:path";
import type { Load } from "./load.ts";
import { benchFolder } from "./paths.ts";
import { flagsOf, start, stop } from "./process.ts";

/** A hub of several processes, as its command starts it. */
export interface ScaleHub extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  publish(data: unknown, channel?: string): Promise<void>;
}

const CLI = join(benchFolder, "node_modules/sse-bus/dist/hub/cli.js");
const SECONDS = 30;

export async function startScaleHub({
  workers,
  streams,
}: {
  readonly workers: number;
  readonly streams: number;
}): Promise<ScaleHub> {
  const flags = flagsOf({
    port: 0,
    workers,
    "max-connections": streams + 10_000,
    "max-connections-per-client": streams,
    "heartbeat-ms": 15_000,
  });
  const command = [process.execPath, CLI, "hub", ...flags, "--open-publish"];
  const child = start(undefined, command, { endSignal: "SIGTERM" });
  const url = await listening(child.stdout as NodeJS.ReadableStream);
  return {
    pid: child.pid as number,
    port: Number(new URL(url).port),
    async publish(data, channel) {
      const body = JSON.stringify({ data, ...(channel !== undefined && { channel }) });
      const headers = { "Content-Type": "application/json" };
      const response = await fetch(`${url}/publish`, { method: "POST", headers, body });
      if (!response.ok) throw new Error(`publish: ${response.status} ${await response.text()}`);
      await response.arrayBuffer();
    },
    [Symbol.asyncDispose]: () => stop(child),
  };
}

/** From the request to the last reader's read. */
export async function broadcastMs(hub: ScaleHub, loads: readonly Load[]): Promise<number> {
  let started = 0;
  let armed = 0;
  const publishWhenAllAreArmed = async (): Promise<void> => {
    if (++armed < loads.length) return;
    started = performance.now();
    // The clock of the generators.
    await hub.publish({ t: Number(process.hrtime.bigint() / 1000n) });
  };
  const ended = await Promise.all(
    loads.map(async (load) => {
      const received = await load.receive(1, SECONDS, publishWhenAllAreArmed);
      if (received.lost > 0 || received.extra > 0) {
        throw new Error(`A broadcast was lost or doubled: ${JSON.stringify(received)}`);
      }
      return performance.now();
    }),
  );
  return Math.max(...ended) - started;
}

async function listening(output: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  for await (const chunk of output.setEncoding?.("utf8") ?? output) {
    text += String(chunk);
    const url = /https?:\/\/[\d.:]+/.exec(text)?.[0];
    if (url !== undefined) return url;
  }
  throw new Error(`The hub ended before it listened: ${text}`);
}
