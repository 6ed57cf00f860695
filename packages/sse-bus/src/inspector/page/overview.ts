import type { Counts, InstanceReport } from "../../http/instance-report.ts";
import { createChart } from "./chart.ts";
import { byId, keyedList, make, setText, type Tone } from "./dom.ts";
import { formatAge, formatBytes, formatCount, formatRate } from "./format.ts";
import { nameOf, ratesOf } from "./history.ts";

/** Shows one instance: its totals, its rates, its fast paths, and what has ended or was refused. */
export interface Overview {
  update(reports: readonly InstanceReport[]): void;
}

interface Fact {
  readonly name: string;
  readonly value: string;
  readonly tone?: Tone;
  readonly isCode?: boolean;
}

interface RateKind {
  readonly name: string;
  readonly count: (report: InstanceReport) => number;
  readonly format: (rate: number) => string;
}

const RATES: readonly RateKind[] = [
  { name: "Published", count: ({ stats }) => stats.published, format: formatRate },
  { name: "Delivered", count: ({ stats }) => stats.delivered, format: formatRate },
  {
    name: "Sent to streams",
    count: ({ traffic }) => traffic.bytes,
    format: (rate) => `${formatBytes(rate)}/s`,
  },
];

export function createOverview(): Overview {
  const totals = factList(byId("totals"));
  const paths = factList(byId("paths"));
  const counts = factList(byId("counts"));
  const rates = RATES.map((kind) => createRate(kind));
  byId("rates").append(...rates.map(({ element }) => element));

  return {
    update(reports) {
      const now = reports.at(-1);
      if (!now) return;
      setText(byId("process"), describe(now));
      totals.update(totalsOf(now));
      paths.update(pathsOf(now));
      counts.update([
        ...countsOf("Ended", now.ended, "slow"),
        ...countsOf("Refused", now.refused),
        ...countsOf("Limit", now.limits),
      ]);
      for (const rate of rates) rate.update(reports);
    },
  };
}

function describe(report: InstanceReport): string {
  const { runtime, version, uptimeMs } = report.process;
  const parts = [nameOf(report), runtime, `sse-bus ${version}`, `up ${formatAge(uptimeMs)}`];
  return parts.filter(Boolean).join(", ");
}

function totalsOf({ stats, sinks, history, process, ...report }: InstanceReport): Fact[] {
  const { total, listed } = report.connections;
  const behind = listed.filter(({ lag }) => lag > 0).length;
  // Those behind are listed first.
  const more = behind === listed.length && total > behind ? "+" : "";
  const isUp = stats.status === "up";
  return [
    { name: "Streams", value: formatCount(total) },
    { name: "Behind", value: formatCount(behind) + more, tone: behind > 0 ? "warn" : "" },
    { name: "Subscribers", value: formatCount(stats.listeners) },
    { name: "Channels read", value: formatCount(report.channels.total) },
    {
      name: "Backend",
      value: `${stats.backend}, ${report.isDraining ? "draining" : stats.status}`,
      tone: report.isDraining || !isUp ? "bad" : "",
    },
    { name: "Direct / web", value: `${formatCount(sinks.direct)} / ${formatCount(sinks.web)}` },
    { name: "Gaps reported", value: formatCount(stats.gaps), tone: stats.gaps > 0 ? "warn" : "" },
    {
      name: "Resumed / with a gap",
      value: `${formatCount(stats.resumed)} / ${formatCount(stats.resumedWithGap)}`,
    },
    { name: "Fell behind", value: formatCount(stats.stalls) },
    {
      name: "History held",
      value: `${formatBytes(history.bytes)} of ${formatBytes(history.maxBytes)}`,
    },
    { name: "Process memory", value: formatBytes(process.memoryBytes) },
    { name: "Head", value: report.head ?? "not open", isCode: true },
    { name: "Oldest horizon", value: oldestHorizon(report.channels.listed) ?? "–", isCode: true },
  ];
}

/** The lowest position after which a channel of the list is complete. */
function oldestHorizon(
  channels: readonly { readonly horizon: string | null }[],
): string | undefined {
  const seqOf = (cursor: string): number => Number.parseInt(cursor, 36);
  const all = channels.flatMap(({ horizon }) => horizon ?? []);
  return all.toSorted((a, b) => seqOf(a) - seqOf(b))[0];
}

const PATH_NAMES: Readonly<Record<string, string>> = {
  "direct-sink": "Direct sink",
  "host-release": "Release of Next.js",
  "take-over": "Take-over",
  "fast-lane": "Fast lane",
};

function pathsOf({ fastPaths }: InstanceReport): Fact[] {
  return Object.entries(fastPaths).map(([path, { status, reason }]) => ({
    name: Object.hasOwn(PATH_NAMES, path) ? (PATH_NAMES[path] as string) : path,
    value: reason ? `${status}: ${reason}` : status,
    tone: status === "off" ? "warn" : status === "on" ? "good" : "",
  }));
}

function countsOf(kind: string, counts: Counts, bad?: string): Fact[] {
  const entries = Object.entries(counts).filter(([, count]) => count > 0);
  return entries.map(([name, count]) => ({
    name: `${kind}: ${name}`,
    value: formatCount(count),
    tone: name === bad ? "warn" : "",
  }));
}

function factList(parent: HTMLElement) {
  return keyedList<Fact, HTMLElement>(parent, {
    key: ({ name }) => name,
    create: ({ name }) => make("div", { "data-fact": name }, make("dt", {}, name), make("dd")),
    update(element, { value, tone = "", isCode = false }) {
      const shown = element.lastElementChild as HTMLElement;
      setText(shown, value);
      shown.className = isCode ? `mono ${tone}` : tone;
    },
  });
}

function createRate({ name, count, format }: RateKind) {
  const chart = createChart();
  const value = make("p", {}, "–");
  const element = make("li", { "data-rate": name }, make("h3", {}, name), value, chart.element);
  return {
    element,
    update(reports: readonly InstanceReport[]) {
      const values = ratesOf(reports, count);
      const now = values.at(-1);
      setText(value, now === undefined ? "–" : format(now));
      chart.update(values);
    },
  };
}
