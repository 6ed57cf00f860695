import { Badge, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { formatBytes } from "@/lib/format";
import type { Job, JobStatus } from "./job";

const maxShown = 3;

const labels: Record<JobStatus, { tone: Tone; label: string }> = {
  running: { tone: "accent", label: "Running" },
  done: { tone: "good", label: "Done" },
  failed: { tone: "bad", label: "Failed" },
  cancelled: { tone: "warn", label: "Cancelled" },
};

interface JobListProps {
  /** Newest first. */
  jobs: readonly Job[];
  onCancel: (id: string) => void;
  whenEmpty: string;
}

export function JobList({ jobs, onCancel, whenEmpty }: JobListProps) {
  if (jobs.length === 0)
    return <p className="min-h-28 p-4 text-sm text-muted sm:p-5">{whenEmpty}</p>;
  return (
    <ol className="min-h-28 divide-y divide-line">
      {jobs.slice(0, maxShown).map((job) => (
        <JobItem key={job.id} job={job} onCancel={onCancel} />
      ))}
    </ol>
  );
}

function JobItem({ job, onCancel }: { job: Job; onCancel: (id: string) => void }) {
  const { id, title, status, done, total, outcome } = job;
  const { tone, label } = labels[status];
  const isRunning = status === "running";
  return (
    <li
      data-job={id}
      data-status={status}
      className="grid min-h-28 grid-cols-1 content-start gap-2 p-4 sm:p-5"
    >
      <div className="flex min-h-8 items-center gap-3">
        <p id={`job-${id}`} className="min-w-0 flex-1 truncate text-sm font-medium">
          {title}
        </p>
        <Badge tone={tone}>{label}</Badge>
        {isRunning && (
          <Button small onClick={() => onCancel(id)} aria-describedby={`job-${id}`}>
            Cancel
          </Button>
        )}
      </div>
      {total > 0 && (
        <progress
          aria-labelledby={`job-${id}`}
          max={total}
          value={done}
          className="h-1.5 w-full appearance-none overflow-hidden rounded-full bg-line [&::-moz-progress-bar]:bg-accent [&::-webkit-progress-bar]:bg-line [&::-webkit-progress-value]:bg-accent"
        />
      )}
      <p className="min-h-5 text-xs/5 [overflow-wrap:anywhere] text-muted tabular-nums">
        {isRunning ? amount(job) : outcome}
      </p>
    </li>
  );
}

function amount({ kind, done, total }: Job): string {
  if (kind === "upload") return `${formatBytes(done)} of ${formatBytes(total)} received`;
  if (kind === "build") return `${done} lines`;
  return `${done} of ${total} rounds`;
}
