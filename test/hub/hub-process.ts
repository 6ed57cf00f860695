import { join } from "node:path";
import { freePort } from "../support/ports.ts";
import { runProcess, startProcess } from "../support/processes.ts";
import { repository } from "../support/repository.ts";
import { serverNode } from "../support/runtimes.ts";
import { type Restartable, restartable } from "../support/restartable.ts";

export const cli = join(repository, "packages/sse-bus/dist/hub/cli.js");

export interface HubProcessOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** @default "http" */
  readonly scheme?: "http" | "https";
  readonly nodeArgs?: readonly string[];
  /** The Node.js program. @default see `serverNode` */
  readonly program?: string;
  /** @default true */
  readonly isPublishOpen?: boolean;
}

/** Runs `sse-bus hub` from the built package until its ready line. */
export async function startHub(options: HubProcessOptions = {}): Promise<Restartable> {
  const { args = [], env = {}, scheme = "http", nodeArgs = [], isPublishOpen = true } = options;
  const { program = serverNode() } = options;
  const port = await freePort();
  const open = isPublishOpen ? ["--open-publish"] : [];
  const flags = ["hub", "--port", String(port), ...open, ...args];
  return restartable({
    port,
    url: `${scheme}://127.0.0.1:${port}`,
    launch: () =>
      startProcess(program, [...nodeArgs, cli, ...flags], {
        env,
        ready: /sse-bus hub listening on/,
      }),
  });
}

/** Runs the command to its end; rejects with its output unless it exits with 0. */
export function runCli(...args: readonly string[]): Promise<string> {
  return runProcess(process.execPath, [cli, ...args], { timeoutMs: 20_000 });
}

/** A hub for the suite that every server of the package passes. */
export function surfaceOf(hub: Restartable) {
  return {
    streamUrl: `${hub.url}/sse`,
    publishUrl: `${hub.url}/publish`,
    healthUrl: `${hub.url}/health`,
    [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose](),
  };
}

export interface HubHealth {
  readonly status: string;
  readonly backend: string;
  readonly connections: number;
  readonly channels: number;
  readonly workers?: number;
  readonly fastPathsOff?: Readonly<Record<string, string>>;
}

export async function hubHealth(hub: Restartable): Promise<HubHealth> {
  return (await (await fetch(`${hub.url}/health`)).json()) as HubHealth;
}

export async function publishTo(
  hub: Restartable,
  data: unknown,
  channel: string,
): Promise<{ readonly id: string }> {
  const response = await fetch(`${hub.url}/publish`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ data, channel }),
  });
  if (!response.ok) throw new Error(`Publishing answered ${response.status}`);
  return (await response.json()) as { id: string };
}
