import type { ReactNode } from "react";
import { type ChartLine, LiveChart } from "@/components/ui/live-chart";
import { formatBytes } from "@/lib/format";
import { keptSamples, type Sample } from "./sample";

/** One machine's newest values, and charts of the last two minutes. */
export function SampleTiles({ samples }: { samples: readonly Sample[] }) {
  const now = samples.at(-1);
  const times = samples.map(({ time }) => time);
  const line = (
    label: string,
    tone: ChartLine["tone"],
    read: (sample: Sample) => number | null,
  ): ChartLine => ({ label, tone, values: samples.map(read) });
  const dashed = (...args: Parameters<typeof line>) => ({ ...line(...args), dashed: true });

  return (
    <div className="-m-px grid grid-cols-1 md:grid-cols-2 xl:grid-cols-3">
      <Tile
        title="CPU"
        value={now && formatPercent(mean(now.cores))}
        note={now && `${now.cores.length} cores`}
        times={times}
        lines={[line("CPU", "accent", ({ cores }) => mean(cores))]}
        format={formatPercent}
        max={100}
      >
        <Cores loads={now?.cores ?? []} />
      </Tile>
      <Tile
        title="Memory"
        value={now && formatBytes(now.memory.used)}
        note={
          now &&
          `of ${formatBytes(now.memory.total)}; this process ${formatBytes(now.memory.process)}`
        }
        times={times}
        lines={[line("Memory", "accent", ({ memory }) => memory.used)]}
        format={formatBytes}
        {...(now && { max: now.memory.total })}
      />
      <Tile
        title="Event-loop delay"
        value={now && formatMs(now.eventLoop.p99)}
        note={now && `99th percentile; median ${formatMs(now.eventLoop.p50)}`}
        times={times}
        lines={[
          line("99th percentile", "accent", ({ eventLoop }) => eventLoop.p99),
          dashed("median", "muted", ({ eventLoop }) => eventLoop.p50),
        ]}
        format={formatMs}
      />
      <Tile
        title="Load average"
        value={now && now.load[0]?.toFixed(2)}
        note={now && `1 min; 5 min ${now.load[1]?.toFixed(2)}, 15 min ${now.load[2]?.toFixed(2)}`}
        times={times}
        lines={[
          line("1 min", "accent", ({ load }) => load[0] ?? null),
          dashed("15 min", "muted", ({ load }) => load[2] ?? null),
        ]}
        format={(value) => value.toFixed(1)}
      />
      <Tile
        title="Disk"
        value={now && formatRate(now.disk.written)}
        note={now && `written; read ${formatRate(now.disk.read)}`}
        times={times}
        lines={[
          line("written", "accent", ({ disk }) => disk.written),
          dashed("read", "muted", ({ disk }) => disk.read),
        ]}
        format={formatRate}
      />
      <Tile
        title="Network"
        value={now && formatRate(now.network.received)}
        note={now && `received; sent ${formatRate(now.network.sent)}`}
        times={times}
        lines={[
          line("received", "accent", ({ network }) => network.received),
          dashed("sent", "muted", ({ network }) => network.sent),
        ]}
        format={formatRate}
      />
    </div>
  );
}

interface TileProps {
  title: string;
  value: string | undefined;
  note: string | undefined;
  times: readonly number[];
  lines: readonly ChartLine[];
  format: (value: number) => string;
  max?: number;
  children?: ReactNode;
}

function Tile({ title, value, note, children, ...chart }: TileProps) {
  return (
    <div className="grid min-w-0 content-start border border-line p-4 sm:p-5" data-tile={title}>
      <h3 className="text-sm font-medium text-muted">{title}</h3>
      <p className="mt-1 text-2xl font-semibold tracking-tight tabular-nums" data-testid="value">
        {value ?? <span className="text-muted">–</span>}
      </p>
      <p className="mb-3 min-h-5 truncate text-sm/5 text-muted tabular-nums">{note}</p>
      <LiveChart
        label={`${title}, the last two minutes`}
        windowMs={keptSamples * 1_000}
        {...chart}
      />
      {children}
    </div>
  );
}

function Cores({ loads }: { loads: readonly number[] }) {
  return (
    <ul
      aria-label="Load by core"
      className="mt-2 grid min-h-4 grid-cols-[repeat(auto-fit,minmax(4.5rem,1fr))] gap-x-3 gap-y-1"
    >
      {loads.map((load, core) => (
        // oxlint-disable-next-line react/no-array-index-key -- a core is its number
        <li key={core} className="flex items-center gap-1.5 text-xs text-muted tabular-nums">
          <span className="h-1.5 flex-1 overflow-hidden rounded-full bg-line">
            <span
              className="block h-full origin-left bg-accent"
              style={{ transform: `scaleX(${load / 100})` }}
            />
          </span>
          <span className="w-10 text-right whitespace-nowrap">{formatPercent(load)}</span>
        </li>
      ))}
    </ul>
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

function formatPercent(value: number): string {
  return `${Math.round(value)} %`;
}

function formatMs(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

function formatRate(bytes: number | null): string {
  return bytes === null ? "–" : `${formatBytes(bytes)}/s`;
}
