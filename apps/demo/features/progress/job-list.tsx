import type { Task, TaskState } from "sse-bus/tasks";
import { Badge, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { formatBytes } from "@/lib/format";
import { EmptyState, type EmptyStateProps } from "@/components/ui/empty-state";
import { useFocusKeeper } from "@/components/ui/use-focus-keeper";
import { kindOf } from "./job";

const maxEarlier = 2;

const labels: Record<TaskState, { tone: Tone; label: string }> = {
  running: { tone: "accent", label: "Running" },
  done: { tone: "good", label: "Done" },
  failed: { tone: "bad", label: "Failed" },
  cancelled: { tone: "warn", label: "Cancelled" },
  lost: { tone: "bad", label: "Lost" },
};

interface JobListProps {
  /** Newest first. */
  jobs: readonly Task[];
  onCancel: (id: string) => void;
  whenEmpty: EmptyStateProps;
  /** Shows only the newest. */
  single?: boolean;
}

/** The newest job, and one line for each earlier job. The height is fixed, so that nothing moves. */
export function JobList({ jobs, onCancel, whenEmpty, single = false }: JobListProps) {
  const keeper = useFocusKeeper<HTMLOListElement>();
  const height = single ? "h-28" : "h-52 sm:h-61 lg:h-59";
  if (jobs.length === 0)
    return (
      <div className={height}>
        <EmptyState {...whenEmpty} />
      </div>
    );
  const [newest, ...earlier] = jobs.slice(0, single ? 1 : 1 + maxEarlier);
  return (
    <ol {...keeper} className={`${height} overflow-hidden -outline-offset-2`}>
      {newest && <JobItem key={newest.id} job={newest} isShort={single} onCancel={onCancel} />}
      {earlier.map((job) => (
        <EarlierJob key={job.id} job={job} onCancel={onCancel} />
      ))}
    </ol>
  );
}

interface JobItemProps {
  job: Task;
  /** With one line of text and no progress bar. */
  isShort: boolean;
  onCancel: (id: string) => void;
}

function JobItem({ job, isShort, onCancel }: JobItemProps) {
  const { id, title, state, done = 0, total = 0 } = job;
  const { tone, label } = labels[state];
  const isRunning = state === "running";
  return (
    <li
      data-job={id}
      data-state={state}
      className={`grid grid-cols-1 content-start gap-2 p-4 sm:p-5 ${isShort ? "h-28" : "h-40 sm:h-37 lg:h-35"}`}
    >
      <div className="flex min-h-11 items-center lg:min-h-9 gap-3">
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
      <p
        className={`text-xs/5 [overflow-wrap:anywhere] text-muted tabular-nums ${isShort ? "truncate" : "line-clamp-3 sm:line-clamp-2"}`}
      >
        {describe(job)}
      </p>
    </li>
  );
}

function EarlierJob({ job, onCancel }: { job: Task; onCancel: (id: string) => void }) {
  const { id, title, state, done = 0, total = 0 } = job;
  const { tone, label } = labels[state];
  const isRunning = state === "running";
  return (
    <li
      data-job={id}
      data-state={state}
      className="flex h-12 items-center gap-3 border-t max-sm:nth-3:hidden border-line bg-sunken px-4 sm:px-5"
    >
      <p id={`job-${id}`} className="min-w-0 flex-1 truncate text-xs text-muted">
        {title}
      </p>
      {isRunning && total > 0 && (
        <span className="text-xs text-muted tabular-nums">
          {Math.floor((done / total) * 100)} %
        </span>
      )}
      <Badge tone={tone}>{label}</Badge>
      {isRunning && (
        <Button small variant="quiet" onClick={() => onCancel(id)} aria-describedby={`job-${id}`}>
          Cancel
        </Button>
      )}
    </li>
  );
}

function describe(job: Task): string {
  const { state, done = 0, total = 0, result, error } = job;
  if (state === "cancelled") return "Cancelled by a visitor.";
  if (state === "lost") return "Its server was shut down, or has died.";
  if (state === "failed") return error ?? "";
  // Other programs can write to the log.
  if (state === "done") return typeof result === "string" ? result.slice(0, 1_000) : "";
  const kind = kindOf(job);
  if (kind === "upload") return `${formatBytes(done)} of ${formatBytes(total)} received`;
  return kind === "build" ? `${done} lines` : `${done} of ${total} rounds`;
}
