// Publishes per second with 256 under way, batches of 100, and the latency from one instance to another, of each
// backend beside the bare client of its server:
// `node bench/dist/backend-publish.js [--rounds N] [--seconds S] [--redis URL] [--nats URL] [--postgres URL]`.
// It measures the servers whose URL it gets, and prints a page of results.
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { natsServer } from "./backends/nats.ts";
import { postgresServer } from "./backends/postgres.ts";
import { redisServer } from "./backends/redis.ts";
import type { BackendServer, Connected } from "./backends/server.ts";
import { describeMachine } from "./machine.ts";
import { median } from "./statistics.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "2" },
    redis: { type: "string" },
    nats: { type: "string" },
    postgres: { type: "string" },
  },
});
const rounds = Number(values.rounds);
const stretchMs = Number(values.seconds) * 1000;

const UNDER_WAY = 256;
const BATCH = 100;
const BATCHES_UNDER_WAY = 4;
const LATENCIES = 300;

const servers: readonly (readonly [string, string | undefined, (url: string) => BackendServer])[] =
  [
    ["Redis", values.redis, redisServer],
    ["NATS", values.nats, natsServer],
    ["Postgres", values.postgres, postgresServer],
  ];

/** Messages a second, or milliseconds. */
type Figures = Record<"publish" | "batch" | "median" | "p99", number>;

const lines = [
  `Machine: ${JSON.stringify({ ...describeMachine(), loadAtStart: loadavg()[0] })}`,
  "",
  `Medians of ${rounds} rounds of ${stretchMs / 1000} s; messages of about 100 bytes on one channel.`,
  "",
  `| | publish, ${UNDER_WAY} under way | bare client | ratio | batches of ${BATCH} | ratio | other instance: median | p99 | bare client: median | p99 |`,
  "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
];
for (const [name, url, make] of servers) {
  if (url === undefined) continue;
  const server = make(url);
  const samples: Record<"ours" | "bare", Figures[]> = { ours: [], bare: [] };
  for (let round = 0; round < rounds; round++) {
    for (const kind of ["ours", "bare"] as const) {
      const connected = await server[kind]();
      try {
        samples[kind].push(await measure(connected));
      } finally {
        await connected.close();
      }
    }
  }
  const ours = medians(samples.ours);
  const bare = medians(samples.bare);
  const cells = [
    perSecond(ours.publish),
    perSecond(bare.publish),
    (ours.publish / bare.publish).toFixed(2),
    perSecond(ours.batch),
    (ours.batch / bare.publish).toFixed(2),
    ...[ours.median, ours.p99, bare.median, bare.p99].map((ms) => `${ms.toFixed(2)} ms`),
  ];
  lines.push(`| ${name} | ${cells.join(" | ")} |`);
  console.error(lines.at(-1));
}
console.log(lines.join("\n"));
process.exit();

async function measure({ publish, publishBatch, onMessage }: Connected): Promise<Figures> {
  // The first publishes load scripts and prepare statements.
  await repeat(UNDER_WAY, 200, async () => publish(data(0)));
  const single = await repeat(UNDER_WAY, stretchMs, async () => publish(data(0)));
  const batches = publishBatch
    ? await repeat(BATCHES_UNDER_WAY, stretchMs, async () =>
        publishBatch(Array.from({ length: BATCH }, (_, n) => data(n))),
      )
    : 0;
  const latencies: number[] = [];
  let arrived = (): void => {};
  await onMessage(() => arrived());
  for (let n = 0; n < LATENCIES; n++) {
    const started = performance.now();
    const arrival = new Promise<void>((resolve) => (arrived = resolve));
    await Promise.all([publish(data(n)), arrival]);
    latencies.push(performance.now() - started);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  latencies.sort((a, b) => a - b);
  return {
    publish: single,
    batch: batches * BATCH,
    median: median(latencies),
    p99: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
  };
}

/** @returns calls a second, with this many under way */
async function repeat(underWay: number, ms: number, call: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  let calls = 0;
  const loop = async (): Promise<void> => {
    while (performance.now() - started < ms) {
      await call();
      calls++;
    }
  };
  await Promise.all(Array.from({ length: underWay }, loop));
  return (calls / (performance.now() - started)) * 1000;
}

function data(number: number): unknown {
  return { order: number, status: "paid", items: ["tea", "milk"], note: "x".repeat(40) };
}

function medians(samples: readonly Figures[]): Figures {
  const of = (name: keyof Figures): number => median(samples.map((sample) => sample[name]));
  return { publish: of("publish"), batch: of("batch"), median: of("median"), p99: of("p99") };
}

function perSecond(value: number): string {
  return `${Math.round(value).toLocaleString("en")}/s`;
}
