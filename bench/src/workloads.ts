import { type Load, openLoad, type Received } from "./load.ts";
import { cpus } from "./machine.ts";
import type { Server, Variant } from "./variants.ts";

/** One figure, by a name that the report knows. */
export type Figures = Record<string, number>;

export interface Scale {
  /** Messages of a run, for a thousand readers. */
  readonly messages: number;
  readonly rateSeconds: number;
}

const TIMEOUT_SECONDS = 60;

/**
 * All that is measured with a number of readers on one channel: what a connect costs, what a
 * connection keeps, messages one by one and in bursts, and latency at ten messages a second.
 */
export async function fanOut(variant: Variant, readers: number, scale: Scale): Promise<Figures> {
  await using server = await variant.start();
  await warmUp(variant, server);
  const idle = await server.memory();
  const before = server.usage();
  await using load = await open(variant, server, readers);
  const opened = server.usage();
  const full = await server.memory();
  const perThousand = (messages: number): number =>
    Math.max(20, Math.round((messages * 1000) / readers / 100) * 100);

  const figures: Figures = {
    connectCpuUs: ((opened.cpuSeconds - before.cpuSeconds) * 1e6) / readers,
    rssKb: (server.usage().rssKb - before.rssKb) / readers,
    ...(idle && full && { heapKb: (full.heapUsed - idle.heapUsed) / 1024 / readers }),
  };
  await run(server, load, { messages: perThousand(scale.messages) / 4, batch: 1 });
  add(
    figures,
    "single",
    await run(server, load, { messages: perThousand(scale.messages), batch: 1 }),
  );
  if (!variant.isWithoutBursts) {
    for (const batch of [10, 100]) {
      const messages = Math.max(batch * 4, perThousand(scale.messages * 4));
      add(figures, `burst${batch}`, await run(server, load, { messages, batch }));
    }
  }
  const hz = 10;
  const messages = scale.rateSeconds * hz;
  const paced = await load.receive(messages, TIMEOUT_SECONDS, () => server.rate(messages, hz));
  check(paced, variant.name);
  return { ...figures, p50Ms: paced.p50Ms, p99Ms: paced.p99Ms, p999Ms: paced.p999Ms };
}

/** What a measured stretch took of the server's core. */
interface Run {
  readonly received: Received;
  readonly cpuSeconds: number;
}

async function run(
  server: Server,
  load: Load,
  { messages, batch }: { readonly messages: number; readonly batch: number },
): Promise<Run> {
  const before = server.usage();
  const received = await load.receive(messages, TIMEOUT_SECONDS, () =>
    server.burst(messages, batch),
  );
  return { received, cpuSeconds: server.usage().cpuSeconds - before.cpuSeconds };
}

function add(figures: Figures, name: string, { received, cpuSeconds }: Run): void {
  check(received, name);
  figures[`${name}Rate`] = received.deliveries / received.seconds;
  figures[`${name}CpuS`] = (cpuSeconds * 1e6) / received.deliveries;
  figures[`${name}PerRead`] = received.deliveries / received.reads;
  figures[`${name}GeneratorBusy`] = received.cpuSeconds / received.wallSeconds;
}

/** A figure of a run that lost something, or doubled or misordered it, would mean nothing. */
function check({ lost, extra, disorder, closed }: Received, name: string): void {
  if (lost + extra + disorder + closed === 0) return;
  const what = JSON.stringify({ lost, extra, disorder, closed });
  throw new Error(`${name}: not every message arrived once and in order: ${what}`);
}

function open(variant: Variant, { port }: Server, connections: number): Promise<Load> {
  return openLoad({ cpu: cpus.generator, port, connections, path: variant.path });
}

/** The first requests load and compile code; they are nobody's cost per connection. */
async function warmUp(variant: Variant, server: Server): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await using load = await open(variant, server, 100);
    const messages = 50;
    await load.receive(messages, TIMEOUT_SECONDS, () => server.burst(messages, 1));
  }
  await new Promise((resolve) => setTimeout(resolve, 300));
}
