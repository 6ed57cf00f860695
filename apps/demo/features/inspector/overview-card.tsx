import { Card } from "@/components/ui/card";
import { LineBadge, type LineStatus } from "@/components/ui/line-badge";
import { LiveChart } from "@/components/ui/live-chart";
import { formatBytes } from "@/lib/format";
import { type InstanceSnapshot, keptSnapshots, ratesOf } from "./snapshot";

interface OverviewCardProps {
  status: LineStatus;
  names: readonly string[];
  chosen: string | undefined;
  onChoose: (name: string) => void;
  snapshots: readonly InstanceSnapshot[];
}

/** One instance: its totals, and how fast they grow. */
export function OverviewCard({ status, names, chosen, onChoose, snapshots }: OverviewCardProps) {
  const now = snapshots.at(-1);
  return (
    <Card
      title="Instance"
      aside={<LineBadge status={status} />}
      actions={
        <span className="min-w-0 truncate font-mono text-xs text-muted" data-testid="instance">
          {chosen}
        </span>
      }
    >
      {names.length > 1 && (
        <fieldset className="flex flex-wrap gap-x-4 gap-y-1 border-b border-line bg-sunken px-4 py-2.5 text-sm sm:px-5">
          <legend className="sr-only">Instance to show</legend>
          {names.map((name) => (
            <label key={name} className="flex items-center gap-1.5">
              <input
                type="radio"
                name="instance"
                className="accent-accent"
                checked={name === chosen}
                onChange={() => onChoose(name)}
              />
              {name}
            </label>
          ))}
        </fieldset>
      )}
      <dl className="grid grid-cols-2 gap-4 border-b border-line p-4 sm:grid-cols-3 sm:p-5 lg:grid-cols-6">
        <Total name="Connections" value={now?.connections.total.toLocaleString("en")} />
        <Total name="Channels read" value={now?.channels.total.toLocaleString("en")} />
        <Total name="Backend" value={now && `${now.stats.backend}, ${now.stats.status}`} />
        <Total name="History held" value={now && formatBytes(now.history.bytes)} />
        <Total name="Process memory" value={now && formatBytes(now.memoryBytes)} />
        <Total name="Gaps told" value={now?.stats.gaps.toLocaleString("en")} />
      </dl>
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
          title="To streams"
          snapshots={snapshots}
          count={({ traffic }) => traffic.bytes}
          format={(rate) => `${formatBytes(rate)}/s`}
        />
      </div>
    </Card>
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
