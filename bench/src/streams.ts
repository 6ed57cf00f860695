// Durable streams against resumable-stream on the same Redis, and the time of the first byte:
// `node bench/dist/streams.js [rounds]`. Prints a page of results.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "./free-port.ts";
import { describeMachine } from "./machine.ts";
import { median } from "./statistics.ts";

const rounds = Number(process.argv[2] ?? 5);
const program = fileURLToPath(new URL("streams-run.js", import.meta.url));

interface Workload {
  readonly title: string;
  /** Streams, tokens each, ms between two tokens, readers besides the one that started it. */
  readonly args: readonly [number, number, number, number];
}

const workloads: readonly Workload[] = [
  { title: "500 streams of 20 tokens/s, 1 more reader each", args: [500, 200, 50, 1] },
  { title: "500 streams of 50 tokens/s, 1 more reader each", args: [500, 400, 20, 1] },
  { title: "500 streams of 50 tokens/s, 3 more readers each", args: [500, 400, 20, 3] },
  { title: "500 streams of 50 tokens/s, no other reader", args: [500, 400, 20, 0] },
];

type Sample = Record<string, number>;

const lines: string[] = [];
const { load, first } = { load: loadavg()[0] ?? 0, first: measure("first-byte", "", []) };
lines.push(
  `Machine: ${JSON.stringify({ ...describeMachine(), loadAtStart: load })}`,
  "",
  `First byte after the source's, memory backend: median ${format(first.medianMs)} ms, p99 ${format(first.p99Ms)} ms.`,
  "",
  "| CPU seconds, median | sse-bus: process | sse-bus: Redis | resumable-stream: process | resumable-stream: Redis | sum, ours / theirs | load |",
  "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
);
for (const { title, args } of workloads) {
  const samples: Record<string, Sample[]> = { "sse-bus": [], "resumable-stream": [] };
  for (let round = 0; round < rounds; round++) {
    for (const [name, all] of Object.entries(samples)) all.push(await onRedis(name, args));
  }
  const [ours, theirs] = Object.values(samples).map((all) => ({
    app: median(all.map(({ app = 0 }) => app)),
    redis: median(all.map(({ redis = 0 }) => redis)),
    wrong: Math.max(...all.map(({ wrong = 0 }) => wrong)),
  }));
  if (!ours || !theirs) throw new Error("Nothing was measured.");
  const ratio = (ours.app + ours.redis) / (theirs.app + theirs.redis);
  const cells = [ours.app, ours.redis, theirs.app, theirs.redis, ratio, loadavg()[0] ?? 0];
  lines.push(`| ${title} | ${cells.map(format).join(" | ")} |`);
  if (ours.wrong + theirs.wrong > 0) {
    lines.push(`Readers with other bytes: ${ours.wrong} of ours, ${theirs.wrong} of theirs.`);
  }
  console.error(lines.at(-1));
}
console.log(lines.join("\n"));

async function onRedis(name: string, args: readonly number[]): Promise<Sample> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "streams-bench-"));
  const options = ["--bind", "127.0.0.1", "--port", String(port), "--dir", folder, "--save", ""];
  const redis = spawn("redis-server", options, { stdio: ["ignore", "pipe", "inherit"] });
  try {
    await ready(redis);
    return measure(name, `redis://127.0.0.1:${port}`, args);
  } finally {
    redis.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

function measure(name: string, url: string, args: readonly number[]): Sample {
  const output = execFileSync(process.execPath, [program, name, url, ...args.map(String)]);
  return JSON.parse(output.toString()) as Sample;
}

async function ready({ stdout }: ChildProcess): Promise<void> {
  for await (const chunk of stdout ?? []) if (String(chunk).includes("Ready to accept")) return;
}

function format(value = 0): string {
  return value.toFixed(2);
}
