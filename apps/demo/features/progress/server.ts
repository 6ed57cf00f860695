import { randomUUID } from "node:crypto";
import { perProcess } from "@/lib/per-process";
import { projection } from "@/lib/projection";
import { positionOf } from "@/lib/position-of";
import { publish, subscribe } from "@/lib/sse-bus";
import {
  addJob,
  buildChannel,
  type BuildLine,
  cancelChannel,
  type Job,
  type JobKind,
  type Jobs,
  jobsChannel,
  keptBuildLines,
  type ShownBuildLine,
} from "./job";
import { readBuildLine, readCancellation, readJob } from "./shape";

/** Running jobs per kind. */
const maxJobs = 4;
const reportMs = 100;
const aliveMs = 2_000;
/** A job without an update for this long has lost its server. */
const lostMs = 15_000;
const endAttempts = 20;

/** A running job, for its work function. */
export interface Work {
  readonly id: string;
  /** Aborted when a visitor cancels the job, on any instance. */
  readonly signal: AbortSignal;
  report(done: number): void;
}

interface JobOptions {
  kind: JobKind;
  title: string;
  total: number;
}

// #region how publish
/** Starts a job that every window can follow. Resolves, once the start is published, with a promise of its end. */
export async function startJob(
  { kind, title, total }: JobOptions,
  work: (job: Work) => Promise<string>,
): Promise<{ ended: Promise<Job> }> {
  let job: Job = {
    id: randomUUID(),
    kind,
    title,
    total,
    done: 0,
    status: "running",
    startedAt: Date.now(),
  };
  const cancel = new AbortController();

  // One key for all states, so that a page that loads later receives the newest.
  const tell = async () => publish(job, { channel: jobsChannel, event: "job", key: job.id });
  // #endregion
  // Per kind, so that slow uploads do not block tasks.
  const running = perProcess(`jobs ${kind}`, () => new Set<string>());
  if (running.size >= maxJobs) throw new Error("The server has enough to do. Try again soon.");
  running.add(job.id);
  let toldAt = Date.now();

  function report(done: number): void {
    job = { ...job, done };
    if (Date.now() - toldAt < reportMs) return;
    toldAt = Date.now();
    tell().catch(ignore);
  }

  const stopListening = subscribe(
    (data: unknown) => {
      if (readCancellation(data)?.id === job.id) cancel.abort(new Error("Cancelled by a visitor."));
    },
    { channel: cancelChannel },
  );
  const alive = setInterval(() => void tell().catch(ignore), aliveMs).unref();

  async function run(): Promise<Job> {
    try {
      const outcome = await work({ id: job.id, signal: cancel.signal, report });
      job = { ...job, status: "done", outcome, done: job.total || job.done };
    } catch (error) {
      const status = cancel.signal.aborted ? "cancelled" : "failed";
      job = { ...job, status, outcome: (error as Error).message };
    }
    clearInterval(alive);
    stopListening();
    running.delete(job.id);
    await insist(tell);
    return job;
  }

  try {
    await tell();
  } catch (error) {
    clearInterval(alive);
    stopListening();
    running.delete(job.id);
    throw error;
  }
  const ended = run();
  ended.catch(console.error);
  return { ended };
}

/** The page's initial data. */
export const loadBuildLines = projection<ShownBuildLine[], BuildLine>({
  channel: buildChannel,
  initial: [],
  read: readBuildLine,
  apply: (lines, line, { id }) =>
    [...lines, { ...line, id: positionOf(id) }].slice(-keptBuildLines),
});

const loadStates = projection<{ jobs: Jobs; receivedAt: Record<string, number> }, Job>({
  channel: jobsChannel,
  initial: { jobs: {}, receivedAt: {} },
  read: readJob,
  apply: ({ jobs, receivedAt }, job, { time }) => {
    const next = addJob(jobs, job, time);
    const received = Object.keys(next).map((id) => [id, id === job.id ? time : receivedAt[id]]);
    return { jobs: next, receivedAt: Object.fromEntries(received) };
  },
});

export async function loadJobs(): Promise<Jobs> {
  const { jobs, receivedAt } = await loadStates();
  const now = Date.now();
  return Object.fromEntries(
    Object.values(jobs).map((job) => {
      const isLost = job.status === "running" && now - (receivedAt[job.id] ?? now) > lostMs;
      const lost = { ...job, status: "failed" as const, outcome: "Its server has gone." };
      return [job.id, isLost ? lost : job];
    }),
  );
}

/** Retries, because the end of a job must be published even if the backend is down. */
async function insist(tell: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await tell();
      return;
    } catch (error) {
      if (attempt === endAttempts) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1_000).unref());
    }
  }
}

/** The next report follows. */
function ignore(): void {}
