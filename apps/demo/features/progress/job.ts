export const jobKinds = ["task", "upload", "build"] as const;
export type JobKind = (typeof jobKinds)[number];
export const jobStatuses = ["running", "done", "failed", "cancelled"] as const;
export type JobStatus = (typeof jobStatuses)[number];

/** Something that takes its time on the server, as every window sees it. */
export interface Job {
  id: string;
  kind: JobKind;
  title: string;
  status: JobStatus;
  /** Of `total`; `total` is 0 where nobody knows it. */
  done: number;
  total: number;
  /** What came of it, or why nothing did. */
  outcome?: string;
  /** In ms since 1970. */
  startedAt: number;
}

/** Jobs by id. */
export type Jobs = Readonly<Record<string, Job>>;

/** A line that a build wrote, with its colours as the terminal's escape codes. */
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
 * The jobs after news of one, published at `time`; the oldest are forgotten. A job cannot have started
 * after that: one that says so would stay the newest for good.
 */
export function addJob(jobs: Jobs, job: Job, time: number): Jobs {
  const startedAt = Math.min(job.startedAt, time);
  const all = Object.values({ ...jobs, [job.id]: { ...job, startedAt } });
  const newest = all.toSorted((a, b) => b.startedAt - a.startedAt).slice(0, keptJobs);
  return Object.fromEntries(newest.map((one) => [one.id, one]));
}
