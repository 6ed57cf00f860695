import { SseBusError } from "../core/errors.ts";
import { type Listed, listFirst, type ReportedStream } from "../core/report-parts.ts";
import type { Run } from "./run.ts";

/** The sources that this instance runs, or is about to run. */
export interface RunPlaces {
  /** How many there are. */
  readonly size: number;
  /** This instance shuts down: it starts no source any more. */
  readonly hasLeft: boolean;
  /** Whether this instance runs a run, or has claimed it and is about to run it. */
  has(run: string): boolean;
  /**
   * Takes the place of a source that will run here.
   *
   * @throws SseBusError `TOO_MANY_STREAMS`, or `BUS_CLOSED` if the instance shuts down
   */
  reserve(maxStreams: number): Place;
  /** Aborts the source of a run of this instance, also if it has not started yet. */
  stop(run: string): Promise<void>;
  report(limit: number): Listed<ReportedStream>;
  /** This instance continues with another id. */
  publishOwner(): void;
  /** Ends all runs, and those that start late. Resolves when the log has their ends. */
  leave(): Promise<void>;
}

export interface Place {
  /** Call it before the claim of a run is published: from then on, others know of it, and may stop it. */
  claim(run: string): void;
  /** Runs in this place until it is done. */
  run(run: Run): void;
  /**
   * Gives the place back, unless something runs in it: then it is free when that is done. Only the first call
   * counts.
   *
   * @param after the place is free when this resolves; it must not reject
   */
  release(after?: Promise<void>): void;
}

/** @param onChange called when a place was taken, or given back */
export function createRunPlaces(onChange: () => void): RunPlaces {
  const runs = new Map<string, Run>();
  /** Runs that are claimed and do not run yet, and whether they were stopped. */
  const starting = new Map<string, boolean>();
  let size = 0;
  let hasLeft = false;

  function createPlace(): Place {
    let claimed: string | undefined;
    let isTaken = true;
    const free = (): void => {
      size--;
      onChange();
    };

    /** @returns whether the run was stopped since it was claimed */
    function unclaim(): boolean {
      const isStopped = claimed !== undefined && starting.get(claimed) === true;
      if (claimed !== undefined) starting.delete(claimed);
      return isStopped;
    }

    return {
      claim(run) {
        claimed = run;
        starting.set(run, false);
      },
      run(run) {
        isTaken = false;
        const isStopped = unclaim();
        runs.set(run.id, run);
        void run.done.then(() => {
          runs.delete(run.id);
          free();
        });
        if (hasLeft) void run.end("failed");
        else if (isStopped) void run.end("stopped");
      },
      release(after) {
        if (!isTaken) return;
        isTaken = false;
        unclaim();
        if (after) void after.then(free);
        else free();
      },
    };
  }

  return {
    get size() {
      return size;
    },
    get hasLeft() {
      return hasLeft;
    },
    has: (run) => runs.has(run) || starting.has(run),
    reserve(maxStreams) {
      if (hasLeft) throw leavingError();
      if (size >= maxStreams) throw tooMany(maxStreams);
      size++;
      onChange();
      return createPlace();
    },
    async stop(run) {
      if (starting.has(run)) starting.set(run, true);
      await runs.get(run)?.end("stopped");
    },
    report: (limit) => listFirst(runs, limit, ([, run]) => run.report()),
    publishOwner() {
      for (const run of runs.values()) run.publishOwner();
    },
    async leave() {
      hasLeft = true;
      await Promise.all(Array.from(runs.values(), async (run) => run.end("failed")));
    },
  };
}

export function leavingError(): SseBusError {
  return new SseBusError(
    "BUS_CLOSED",
    "This server shuts down: it runs and reads no streams any more. Ask another one.",
  );
}

function tooMany(maxStreams: number): SseBusError {
  return new SseBusError(
    "TOO_MANY_STREAMS",
    `This process runs ${maxStreams} streams already (\`maxStreams\`). Retry later, or raise the limit.`,
  );
}
