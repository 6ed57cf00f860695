import { Badge } from "@/components/ui/badge";
import { Card } from "@/components/ui/card";
import { ConnectionBadge, type ConnectionStatus } from "@/components/ui/connection-badge";
import { LiveChart } from "@/components/ui/live-chart";
import { SourceChoice } from "@/components/ui/source-choice";
import { formatBytes } from "@/lib/format";
import { type InstanceSnapshot, keptSnapshots, ratesOf } from "./snapshot";

interface OverviewCardProps {
  status: ConnectionStatus;
  names: readonly string[];
  chosen: string | undefined;
  onChoose: (name: string) => void;
  snapshots: readonly InstanceSnapshot[];
}

/** One instance: totals and rates. */
export function OverviewCard({ status, names, chosen, onChoose, snapshots }: OverviewCardProps) {
  const now = snapshots.at(-1);
  return (
    <Card
      title="Instance"
      aside={<ConnectionBadge status={status} />}
      actions={
        <span className="min-w-0 truncate font-mono text-xs text-muted" data-testid="instance">
          {chosen}
        </span>
      }
    >
      <SourceChoice
        legend="Instance to show"
        field="instance"
        names={names}
        chosen={chosen}
        onChoose={onChoose}
      />
      <dl className="grid grid-cols-2 gap-4 border-b border-line p-4 sm:grid-cols-3 sm:p-5 lg:grid-cols-6">
        <Total name="Connections" value={now?.connections.total.toLocaleString("en")} />
        <Total name="Channels read" value={now?.channels.total.toLocaleString("en")} />
        <Total name="Backend" value={now && `${now.stats.backend}, ${now.stats.status}`} />
        <Total name="History held" value={now && formatBytes(now.history.bytes)} />
        <Total name="Process memory" value={now && formatBytes(now.memoryBytes)} />
        <Total name="Gaps reported" value={now?.stats.gaps.toLocaleString("en")} />
      </dl>
      <FastPathsOff fastPaths={now?.fastPaths} />
      <div className="-m-px grid grid-cols-1 md:grid-cols-3">
        <Rate
          title="Published"
          snapshots={snapshots}
          count={({ stats }) => stats.published}
          format={(rate) => `${formatRate(rate)}/s`}
        />
        <Rate
          title="Delivered"
          snapshots={snapshots}
          count={({ stats }) => stats.delivered}
          format={(rate) => `${formatRate(rate)}/s`}
        />
        <Rate
          title="Sent to streams"
          snapshots={snapshots}
          count={({ traffic }) => traffic.bytes}
          format={(rate) => `${formatBytes(rate)}/s`}
        />
      </div>
    </Card>
  );
}

/** The fast paths that are off, with the reasons; nothing when none is. */
function FastPathsOff({ fastPaths }: { fastPaths: InstanceSnapshot["fastPaths"] | undefined }) {
  const off = Object.entries(fastPaths ?? {}).filter(([, { status }]) => status === "off");
  if (off.length === 0) return null;
  return (
    <ul
      aria-label="Fast paths that are off"
      className="grid gap-1.5 border-b border-line px-4 py-3 text-sm sm:px-5"
    >
      {off.map(([path, { reason }]) => (
        <li key={path} className="flex min-w-0 flex-wrap items-baseline gap-x-2">
          <Badge tone="warn">{path} is off</Badge>
          <bdi className="min-w-0 text-muted [overflow-wrap:anywhere]">{reason}</bdi>
        </li>
      ))}
    </ul>
  );
}

function Total({ name, value }: { name: string; value: string | undefined }) {
  return (
    <div className="min-w-0" data-total={name}>
      <dt className="text-sm text-muted">{name}</dt>
      <dd className="mt-0.5 truncate text-xl font-semibold tracking-tight tabular-nums">
        {value ?? "–"}
      </dd>
    </div>
  );
}

interface RateProps {
  title: string;
  snapshots: readonly InstanceSnapshot[];
  count: (snapshot: InstanceSnapshot) => number;
  format: (rate: number) => string;
}

function Rate({ title, snapshots, count, format }: RateProps) {
  const values = ratesOf(snapshots, count);
  const now = values.at(-1);
  return (
    <div className="min-w-0 border border-line p-4 sm:p-5" data-rate={title}>
      <h3 className="text-sm font-medium text-muted">{title}</h3>
      <p className="mt-1 mb-2 text-xl font-semibold tracking-tight tabular-nums">
        {typeof now === "number" ? format(now) : <span className="text-muted">–</span>}
      </p>
      <LiveChart
        label={`${title}, the last minute`}
        windowMs={keptSnapshots * 1_000}
        times={snapshots.map(({ time }) => time)}
        lines={[{ label: title, tone: "accent", values }]}
        format={format}
      />
    </div>
  );
}

function formatRate(rate: number): string {
  return rate.toFixed(rate < 10 ? 1 : 0);
}
