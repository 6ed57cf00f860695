import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { benchFolder } from "./paths.ts";
import { drawPlots } from "./plots.ts";
import { figuresOf, fileOf, type Results } from "./results.ts";
import { outcomes } from "./targets.ts";
import { type Workload, workloads } from "./workloads.ts";

const PAGE = join(benchFolder, "../docs/performance.md");
const BEGIN = "<!-- bench:begin -->";
const END = "<!-- bench:end -->";

/** Writes the tables and plots of a run. Returns the files. */
export function writeReport(results: Results): string[] {
  const plots = drawPlots(results).map(({ name, svg }) => {
    const file = fileOf(`${results.name}-${name}`, "svg");
    writeFileSync(file, svg);
    return file;
  });
  const file = fileOf(results.name, "md");
  writeFileSync(file, `# Results: ${results.name}\n\n${markdown(results)}`);
  return [file, ...plots];
}

/** Writes a run's tables between the markers of `docs/performance.md`. */
export function fillPage(results: Results): void {
  const page = readFileSync(PAGE, "utf8");
  const [from, to] = [page.indexOf(BEGIN) + BEGIN.length, page.indexOf(END)];
  if (from < BEGIN.length || to < from) throw new Error(`${PAGE} does not have its markers`);
  const plots = drawPlots(results).map(
    ({ name, title }) => `![${title}](../bench/results/${results.name}-${name}.svg)`,
  );
  const text = `\n\n${markdown(results)}\n${plots.join("\n\n")}\n\n`;
  writeFileSync(PAGE, page.slice(0, from) + text + page.slice(to));
  const formatter = join(benchFolder, "../node_modules/.bin/oxfmt");
  if (existsSync(formatter)) execFileSync(formatter, [PAGE]);
}

function markdown(results: Results): string {
  const { machine, isFinished, seconds, startedAt, skipped, samples } = results;
  const parts = [
    `${startedAt.slice(0, 10)}, ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, Linux ${machine.linux}, Node ${machine.node}, Next ${machine.next}, better-sse ${machine.betterSse}, ${machine.nginx}, sse-bus ${machine.sseBus} (commit ${machine.commit}). Rounds: ${results.rounds}; minutes: ${Math.round(seconds / 60)}. Machine's load at the start: ${machine.loadAtStart}.`,
  ];
  if (!isFinished)
    parts.push("**The run was interrupted: these are the rounds that it finished.**");
  if (!results.isWhole)
    parts.push("**Not a complete run at full size: its figures prove nothing.**");
  parts.push(`## Targets\n\n${targetTable(results)}`);
  for (const workload of workloads) {
    const table = workloadTable(results, workload);
    if (table) parts.push(`## ${workload.title}\n\n${table}`);
  }
  const failed = samples.flatMap(({ workload, subject, round, error }) =>
    error === undefined ? [] : [`- ${workload}, ${subject}, round ${round}: ${error}`],
  );
  if (failed.length > 0) parts.push(`## Failed\n\n${failed.join("\n")}`);
  if (skipped.length > 0) {
    parts.push(`## Skipped\n\n${skipped.map((reason) => `- ${reason}`).join("\n")}`);
  }
  return `${parts.join("\n\n")}\n`;
}

function targetTable(results: Results): string {
  const rows = outcomes(results).map(({ title, bound, ratio, byCpu, rounds, isMet }) => [
    title,
    bound,
    ratio === undefined ? "not measured" : `${ratio.toFixed(2)} ×`,
    byCpu === undefined ? "–" : `${byCpu.toFixed(2)} ×`,
    isMet === undefined ? "–" : isMet ? "yes" : "**no**",
    String(rounds),
  ]);
  return table(["", "target", "measured", "by CPU time", "met", "rounds"], rows);
}

function workloadTable(results: Results, { name, cases }: Workload): string | undefined {
  const medians = results.medians[name];
  if (!medians) return undefined;
  if (name === "micro") {
    const rows = Object.entries(medians.core ?? {}).map(([figure, value]) => [
      TITLES[figure] ?? figure,
      format(value),
    ]);
    return table(["", "CPU µs"], rows);
  }
  const present = new Set(Object.values(medians).flatMap((figures) => Object.keys(figures)));
  const columns = Object.keys(TITLES).filter((figure) => present.has(figure));
  const busy = [...present].filter((figure) => figure.endsWith("GeneratorBusy"));
  const rows = cases.flatMap(({ subject }) => {
    const figures = medians[subject.name];
    if (!figures) return [];
    const title = subject.isOurs ? `**${subject.title}**` : subject.title;
    const busiest = Math.max(...busy.map((figure) => figures[figure] ?? 0));
    return [
      [
        title,
        ...columns.map((figure) => format(figures[figure])),
        `${Math.round(busiest * 100)} %`,
        String(figuresOf(results, name, subject.name).length),
      ],
    ];
  });
  const heads = columns.map((figure) => TITLES[figure] as string);
  return table(["", ...heads, "generator busy, at most", "rounds"], rows);
}

/** In the order of the columns. Other figures are only in the JSON. */
const TITLES: Record<string, string> = {
  singleRate: "one by one: deliveries/s",
  singleCpuUs: "CPU s per million",
  burst10Rate: "bursts of 10: deliveries/s",
  burst10CpuUs: "CPU s per million, bursts of 10",
  burst100Rate: "bursts of 100: deliveries/s",
  spreadRate: "deliveries/s",
  spreadCpuUs: "CPU s per million deliveries",
  p50Ms: "p50 ms",
  p99Ms: "p99 ms",
  p999Ms: "p99.9 ms",
  keptKbPerStalled: "KB kept per stalled reader (RSS)",
  replaySeconds: "all have resumed after s",
  replayConnectCpuUs: "CPU µs per reconnect",
  replayRate: "replayed messages/s",
  connectCpuUs: "CPU µs per connect",
  connectsPerSecond: "connects/s",
  rssKb: "KB RSS per connection",
  heapKb: "KB heap per connection",
  heartbeatCpuUs: "CPU µs per heartbeat",
  encodeUs: "encode a message of 200 bytes",
  appendUs: "append: publish without readers",
  flush1000UsPerReader: "flush to 1,000 readers, for each",
  flush10000UsPerReader: "flush to 10,000 readers, for each",
  resume100Us: "resume a reader that missed 100 messages",
  publishOneOf10Us: "publish and flush to 1 of 10 channels",
  publishRound10Us: "the same, in rotation over the 10",
  publishOneOf100000Us: "publish and flush to 1 of 100,000 channels",
  publishRound100000Us: "the same, in rotation over the 100,000",
};

function format(value: number | undefined): string {
  if (value === undefined) return "–";
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en");
  return Number(value.toPrecision(3)).toString();
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const rule = head.map((_, column) => (column === 0 ? "---" : "---:"));
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}
