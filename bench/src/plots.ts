import type { Results } from "./results.ts";
import { workloads } from "./workloads.ts";

export interface Plot {
  readonly name: string;
  readonly title: string;
  readonly svg: string;
}

interface Chart {
  readonly name: string;
  readonly title: string;
  readonly workload: string;
  readonly figure: string;
}

const CHARTS: readonly Chart[] = [
  {
    name: "single",
    title: "Deliveries per second on one core: 1,000 readers, message by message",
    workload: "fan-out-1000",
    figure: "singleRate",
  },
  {
    name: "burst10",
    title: "Deliveries per second on one core: 1,000 readers, bursts of 10",
    workload: "fan-out-1000",
    figure: "burst10Rate",
  },
  {
    name: "p99",
    title: "99th percentile of latency in ms: 10 messages/s to 1,000 readers (less is better)",
    workload: "fan-out-1000",
    figure: "p99Ms",
  },
  {
    name: "memory",
    title: "KB of memory (RSS) per idle connection (less is better)",
    workload: "idle-2000",
    figure: "rssKb",
  },
  {
    name: "connect",
    title: "CPU µs per connect (less is better)",
    workload: "idle-2000",
    figure: "connectCpuUs",
  },
];

/** A bar chart of each measured figure. */
export function drawPlots(results: Results): Plot[] {
  return CHARTS.flatMap((chart) => {
    const { workload, figure, name, title } = chart;
    const cases = workloads.find((each) => each.name === workload)?.cases ?? [];
    const bars = cases.flatMap(({ subject }) => {
      const value = results.medians[workload]?.[subject.name]?.[figure];
      return value === undefined ? [] : [{ title: subject.title, isOurs: !!subject.isOurs, value }];
    });
    return bars.length > 0 ? [{ name, title, svg: draw(title, bars) }] : [];
  });
}

interface Bar {
  readonly title: string;
  readonly isOurs: boolean;
  readonly value: number;
}

const WIDTH = 760;
const LABELS = 270;
const VALUES = 80;
const ROW = 28;
const TOP = 44;

function draw(title: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
  const height = TOP + bars.length * ROW + 8;
  const rows = bars.map(({ title, isOurs, value }, row) => {
    const y = TOP + row * ROW;
    const length = Math.max(2, (Math.max(0, value) / most) * (WIDTH - LABELS - VALUES));
    const text = y + 15;
    const kind = isOurs ? ' class="ours"' : "";
    return [
      `<text${kind} x="${LABELS - 10}" y="${text}" text-anchor="end">${escape(title)}</text>`,
      `<rect${kind} x="${LABELS}" y="${y}" width="${length.toFixed(1)}" height="20" rx="3"/>`,
      `<text${kind} x="${(LABELS + length + 8).toFixed(1)}" y="${text}">${format(value)}</text>`,
    ].join("\n");
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escape(title)}">
<style>
text { font: 13px system-ui, sans-serif; fill: #424a53 }
.title { font-weight: 600; font-size: 14px; fill: #1f2328 }
rect { fill: #8c959f }
text.ours { font-weight: 600; fill: #1f2328 }
rect.ours { fill: #0969da }
@media (prefers-color-scheme: dark) {
  text { fill: #b1bac4 }
  .title, text.ours { fill: #f0f6fc }
  rect { fill: #6e7681 }
  rect.ours { fill: #4493f8 }
}
</style>
<text class="title" x="8" y="24">${escape(title)}</text>
${rows.join("\n")}
</svg>
`;
}

function format(value: number): string {
  return value >= 100
    ? Math.round(value).toLocaleString("en")
    : Number(value.toPrecision(3)).toString();
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
