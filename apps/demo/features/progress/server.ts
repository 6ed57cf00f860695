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

/** Of one kind at a time. */
const maxJobs = 4;
const reportMs = 100;
const aliveMs = 2_000;
/** A job that gave no sign of life for this long has lost its server. */
const lostMs = 15_000;
const endAttempts = 20;

/** A running job, as its work sees it. */
export interface Work {
  readonly id: string;
  /** Aborted when a visitor cancels the job, on whichever instance. */
  readonly signal: AbortSignal;
  report(done: number): void;
}

interface JobOptions {
  kind: JobKind;
  title: string;
  total: number;
}

// #region how publish
/** Starts a job that every window can follow. Resolves, once it is told, with its own end. */
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

  // One key for all its states: who comes late, or reloads, gets the newest.
  const tell = async () => publish(job, { channel: jobsChannel, event: "job", key: job.id });
  // #endregion
  // By kind: slow uploads must not keep others from starting a task.
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

/** What the page starts with. */
export const loadBuildLines = projection<ShownBuildLine[], BuildLine>({
  channel: buildChannel,
  initial: [],
  read: readBuildLine,
  apply: (lines, line, { id }) =>
    [...lines, { ...line, id: positionOf(id) }].slice(-keptBuildLines),
});

const loadStates = projection<{ jobs: Jobs; heardAt: Record<string, number> }, Job>({
  channel: jobsChannel,
  initial: { jobs: {}, heardAt: {} },
  read: readJob,
  apply: ({ jobs, heardAt }, job, { time }) => {
    const next = addJob(jobs, job, time);
    const heard = Object.keys(next).map((id) => [id, id === job.id ? time : heardAt[id]]);
    return { jobs: next, heardAt: Object.fromEntries(heard) };
  },
});

export async function loadJobs(): Promise<Jobs> {
  const { jobs, heardAt } = await loadStates();
  const now = Date.now();
  return Object.fromEntries(
    Object.values(jobs).map((job) => {
      const isLost = job.status === "running" && now - (heardAt[job.id] ?? now) > lostMs;
      const lost = { ...job, status: "failed" as const, outcome: "Its server has gone." };
      return [job.id, isLost ? lost : job];
    }),
  );
}

/** The end of a job must be told, even if the backend is away just then. */
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

/** Another report follows. */
function ignore(): void {}
