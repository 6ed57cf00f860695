export const jobKinds = ["task", "upload", "build"] as const;
export type JobKind = (typeof jobKinds)[number];
export const jobStatuses = ["running", "done", "failed", "cancelled"] as const;
export type JobStatus = (typeof jobStatuses)[number];

/** A long-running job on the server, as every window sees it. */
export interface Job {
  id: string;
  kind: JobKind;
  title: string;
  status: JobStatus;
  /** Out of `total`, which is 0 when unknown. */
  done: number;
  total: number;
  /** The result, or the reason of a failure. */
  outcome?: string;
  /** In ms since 1970. */
  startedAt: number;
}

/** Jobs by id. */
export type Jobs = Readonly<Record<string, Job>>;

/** A line of a build's output, with terminal escape codes. */
export interface BuildLine {
  job: string;
  text: string;
}

/** A {@link BuildLine} in a list. */
export interface ShownBuildLine extends BuildLine {
  id: string;
}

export const jobsChannel = "progress/jobs";
export const buildChannel = "progress/build";
export const cancelChannel = "progress/cancel";

export const maxUploadBytes = 100_000_000;
export const maxLineLength = 2_000;
export const keptBuildLines = 500;
const keptJobs = 12;

/**
 * Adds or updates a job, published at `time`, and drops the oldest. Its start is at most `time`: a wrong
 * clock must not make it the newest for ever.
 */
export function addJob(jobs: Jobs, job: Job, time: number): Jobs {
  const startedAt = Math.min(job.startedAt, time);
  const all = Object.values({ ...jobs, [job.id]: { ...job, startedAt } });
  const newest = all.toSorted((a, b) => b.startedAt - a.startedAt).slice(0, keptJobs);
  return Object.fromEntries(newest.map((one) => [one.id, one]));
}
