import { type Load, type LoadOptions, openLoad, type Received } from "./load.ts";
import { cpus } from "./machine.ts";
import type { Figures } from "./subject.ts";
import type { Server, Variant } from "./variants.ts";

/** The time after which a stretch counts as failed. */
export const TIMEOUT_SECONDS = 60;

const MAX_MESSAGES = 20_000;

/** The server's CPU usage in a measured stretch. */
export interface Run {
  readonly received: Received;
  readonly cpuSeconds: number;
}

export interface StretchOptions {
  readonly readers: number;
  /** Messages published in one turn of the server's event loop. */
  readonly batch: number;
  readonly seconds: number;
}

/**
 * Publishes as fast as the server can for about this many seconds. The number of messages is determined by
 * two shorter stretches, which also warm it up. If one takes that long, it is the measurement.
 */
export async function stretch(
  server: Server,
  load: Load,
  { readers, batch, seconds }: StretchOptions,
): Promise<Run> {
  const inBatches = (deliveries: number): number => {
    const batches = Math.ceil(deliveries / readers / batch);
    return Math.min(MAX_MESSAGES, Math.max(batches * batch, batch === 1 ? 10 : 20));
  };
  let messages = inBatches(10_000);
  for (const share of [0.3, 1]) {
    const tried = await run(server, load, { messages, batch });
    const { received } = tried;
    if (received.seconds >= seconds) return tried;
    messages = inBatches((received.deliveries / received.seconds) * seconds * share);
  }
  return run(server, load, { messages, batch });
}

export interface RunOptions {
  readonly messages: number;
  readonly batch: number;
  /** Messages for each reader. @default all of them */
  readonly each?: number;
}

/** @throws Error if a message was lost, duplicated or misordered: the figure would mean nothing */
export async function run(
  server: Server,
  load: Load,
  { messages, batch, each = messages }: RunOptions,
): Promise<Run> {
  const before = server.usage();
  const received = await load.receive(each, TIMEOUT_SECONDS, () => server.burst(messages, batch));
  check(received);
  return { received, cpuSeconds: server.usage().cpuSeconds - before.cpuSeconds };
}

/** The figures of a stretch; their names begin with `name`. */
export function figuresOf(name: string, { received, cpuSeconds }: Run): Figures {
  return {
    [`${name}Rate`]: received.deliveries / received.seconds,
    [`${name}CpuUs`]: (cpuSeconds * 1e6) / received.deliveries,
    [`${name}PerRead`]: received.deliveries / received.reads,
    [`${name}GeneratorBusy`]: received.cpuSeconds / received.wallSeconds,
  };
}

export function check({ lost, extra, disorder, closed }: Received): void {
  if (lost + extra + disorder + closed === 0) return;
  const what = JSON.stringify({ lost, extra, disorder, closed });
  throw new Error(`Not every message arrived once and in order: ${what}`);
}

export function open(
  variant: Variant,
  { port }: Server,
  options: Partial<LoadOptions> & { readonly connections: number },
): Promise<Load> {
  return openLoad({ cpu: cpus.generator, port, path: variant.path, ...options });
}

/** The first requests load and compile code, which is not a cost per connection. */
export async function warmUp(variant: Variant, server: Server, messages = 50): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await using load = await open(variant, server, { connections: 100 });
    if (messages > 0) await run(server, load, { messages, batch: 1 });
  }
  // Until the server has detected the disconnects.
  await pause(300);
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
