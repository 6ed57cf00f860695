// The bench: builds what it needs, runs the cases round by round, and writes results and report.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Flags, HELP, readFlags } from "./flags.ts";
import { describeMachine } from "./machine.ts";
import { native } from "./native.ts";
import { benchFolder, nextFolder } from "./paths.ts";
import { endAll } from "./process.ts";
import { fillPage, writeReport } from "./report.ts";
import { fileOf, type Results, updateMedians, writeResults } from "./results.ts";
import type { Scale } from "./subject.ts";
import { outcomes } from "./targets.ts";
import { type Case, type Workload, workloads } from "./workloads.ts";

/** The time after which a case counts as failed. */
const MAX_CASE_SECONDS = 150;

const QUICK_WORKLOADS = ["fan-out-1000", "idle-2000", "micro"];

const started = performance.now();
const flags = readFlags(process.argv.slice(2));
if (flags === "help") console.log(HELP);
else if (flags === "list") list();
else if (flags.report !== undefined) reportAgain(flags.report);
else await bench(flags);

async function bench(flags: Flags): Promise<void> {
  const plan = choose(flags);
  const results: Results = {
    name: flags.name,
    startedAt: new Date().toISOString(),
    seconds: 0,
    isFinished: false,
    isWhole: !flags.isQuick && !flags.only && !flags.workloads && flags.scale === 1,
    rounds: flags.rounds,
    machine: describeMachine(),
    skipped: missing(plan),
    samples: [],
    medians: {},
  };
  for (const reason of results.skipped) console.log(`skipped: ${reason}`);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      console.log(`\n${signal}: these are the results so far.`);
      finish(results);
      process.exit(1);
    });
  }
  build();
  const scale: Scale = {
    isQuick: flags.isQuick,
    stretchSeconds: flags.isQuick ? 0.4 : 1.2,
    rateSeconds: flags.isQuick ? 1.5 : 4,
    share: flags.scale,
  };
  for (const { round, workload, each } of inOrder(plan, flags.rounds)) {
    const label = `round ${round}, ${workload.name}, ${each.subject.name}`;
    if (secondsSince(started) + expectedSeconds(results, workload, each) > flags.minutes * 60) {
      results.skipped.push(`${label}: no time was left (--minutes ${flags.minutes})`);
      console.log(`skipped: ${results.skipped.at(-1)}`);
      continue;
    }
    await measure(results, { round, workload, each, scale });
  }
  results.isFinished = true;
  finish(results);
  if (results.isWhole) fillPage(results);
  // Only a failed case can still keep the process alive.
  process.exit(results.samples.every(({ error }) => error === undefined) ? 0 : 1);
}

interface Measure {
  readonly round: number;
  readonly workload: Workload;
  readonly each: Case;
  readonly scale: Scale;
}

async function measure(results: Results, { round, workload, each, scale }: Measure): Promise<void> {
  const begun = performance.now();
  const sample = { workload: workload.name, subject: each.subject.name, round };
  const label = `${clock()} round ${round} ${workload.name} ${each.subject.name}:`;
  try {
    const figures = await inTime(each.run(scale));
    results.samples.push({ ...sample, seconds: secondsSince(begun), figures });
    const text = Object.entries(figures).map(([name, value]) => `${name} ${value.toPrecision(4)}`);
    console.log(`${label} ${text.join("  ")}`);
  } catch (error) {
    const { message } = error as Error;
    results.samples.push({ ...sample, seconds: secondsSince(begun), error: message });
    console.log(`${label} FAILED: ${message}`);
    endAll();
  }
  results.seconds = secondsSince(started);
  updateMedians(results);
  writeResults(results);
}

async function inTime<T>(running: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`It took longer than ${MAX_CASE_SECONDS} s`);
    timer = setTimeout(() => reject(error), MAX_CASE_SECONDS * 1000);
  });
  try {
    return await Promise.race([running, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The requested workloads and subjects. */
function choose({ isQuick, only, workloads: wanted }: Flags): Workload[] {
  const names = wanted ?? (isQuick ? QUICK_WORKLOADS : workloads.map(({ name }) => name));
  assertKnown(
    "workload",
    names,
    workloads.map(({ name }) => name),
  );
  if (only) assertKnown("variant", only, subjects());
  return workloads
    .filter(({ name }) => names.includes(name))
    .map((workload) => ({
      ...workload,
      cases: workload.cases.filter(({ subject }) => only?.includes(subject.name) ?? true),
    }));
}

/** Round by round; what the targets do not need comes last, in case time runs out. */
function* inOrder(plan: readonly Workload[], rounds: number) {
  const needed = plan.filter(({ maxRounds }) => maxRounds === Infinity);
  const others = plan.filter(({ maxRounds }) => maxRounds !== Infinity);
  for (const part of [needed, others]) {
    for (let round = 1; round <= rounds; round++) {
      for (const workload of part.filter(({ maxRounds }) => round <= maxRounds)) {
        for (const each of workload.cases) {
          if (each.subject.missing?.() === undefined) yield { round, workload, each };
        }
      }
    }
  }
}

/** The time of the previous run, or, the first time, that of others of the workload. */
function expectedSeconds({ samples }: Results, { name }: Workload, { subject }: Case): number {
  const of = samples.filter((sample) => sample.workload === name);
  const own = of.findLast((sample) => sample.subject === subject.name);
  return (own ?? of.at(-1))?.seconds ?? 0;
}

function missing(plan: readonly Workload[]): string[] {
  const reasons = plan.flatMap(({ cases }) =>
    cases.flatMap(({ subject }) => {
      const reason = subject.missing?.();
      return reason === undefined ? [] : [`${subject.name}: ${reason}`];
    }),
  );
  return [...new Set(reasons)];
}

function build(): void {
  for (const program of ["loadgen", "publish", "sendloop"] as const) native(program);
  console.log("Building the Next app …");
  // Its standard error, which warns of APIs of Node.js in a possible edge runtime, is shown only with a
  // failure.
  const next = join(benchFolder, "node_modules/next/dist/bin/next");
  execFileSync(process.execPath, [next, "build"], {
    cwd: nextFolder,
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: "1" },
    timeout: 300_000,
  });
}

/** Synchronous, because it runs in a signal's listener. */
function finish(results: Results): void {
  endAll();
  results.seconds = secondsSince(started);
  updateMedians(results);
  writeResults(results);
  const files = [fileOf(results.name, "json"), ...writeReport(results)];
  for (const { title, bound, ratio, isMet } of outcomes(results)) {
    if (ratio === undefined) continue;
    console.log(`${isMet ? "met   " : "NOT MET"} ${ratio.toFixed(2)} × (${bound})  ${title}`);
  }
  console.log(`${clock()} in all. Written:\n${files.map((file) => `  ${file}`).join("\n")}`);
}

function reportAgain(name: string): void {
  const results = JSON.parse(readFileSync(fileOf(name, "json"), "utf8")) as Results;
  updateMedians(results);
  for (const file of writeReport(results)) console.log(file);
  if (results.isWhole) fillPage(results);
}

function list(): void {
  console.log(`variants: ${subjects().join(", ")}`);
  for (const { name, title, cases } of workloads) {
    console.log(`${name}: ${title} (${cases.map(({ subject }) => subject.name).join(", ")})`);
  }
}

function subjects(): string[] {
  return [...new Set(workloads.flatMap(({ cases }) => cases.map(({ subject }) => subject.name)))];
}

function assertKnown(kind: string, names: readonly string[], known: readonly string[]): void {
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  throw new Error(`No ${kind} is called ${unknown.join(", ")}; there are ${known.join(", ")}`);
}

function secondsSince(moment: number): number {
  return Number(((performance.now() - moment) / 1000).toFixed(1));
}

function clock(): string {
  const seconds = Math.round(secondsSince(started));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
