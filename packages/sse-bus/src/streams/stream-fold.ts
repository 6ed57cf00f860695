import { isInstanceId } from "../core/instances/instance-id.ts";
import type { ChunkData } from "./chunk-data.ts";
import { isCount, readPart, type RunPart } from "./placed-bytes.ts";
import { runNumber } from "./stream-channels.ts";

/** How a run ended. `limit`: it exceeded a bound. `lost`: its instance has gone. */
export type RunEnd = "done" | "stopped" | "failed" | "limit" | "lost";

/** A run, as the messages of its stream's channel tell of it. */
export interface StreamRun {
  readonly id: string;
  readonly number: number;
  /** The instance that runs the source, if it is known. */
  readonly owner: string | undefined;
  /** In ms since 1970, of the log. */
  readonly startedAt: number;
  /** The log still has its start, and so everything since then. */
  readonly isWhole: boolean;
  /** `bytes` is undefined if the run was lost: then nobody knows. */
  readonly end:
    | {
        readonly how: RunEnd;
        readonly bytes: number | undefined;
        readonly at: number;
        /** The position of the message that says so. */
        readonly seq: number;
      }
    | undefined;
}

/** The messages of a stream's channel, by event. `r` is the run. */
export interface StreamEvents {
  /** An instance wants to run the source. The first one of a number counts, once the run before has ended. */
  readonly start: { readonly r: string; readonly i: string };
  /** The instance continues with another id. */
  readonly owner: { readonly r: string; readonly i: string };
  /** Many chunks in one message: `o` is the offset. */
  readonly part: { readonly r: string; readonly o: number } & ChunkData;
  /** `i`: of a run that is `lost`, the instance that has gone. */
  readonly end: {
    readonly r: string;
    readonly how: RunEnd;
    readonly n?: number;
    readonly i?: string;
  };
}

/** A message of the channel with a run's chunks. */
export type ChunkMessage = { readonly o: number } & ChunkData;

/**
 * What the messages of a stream's channel add up to: its newest run. Everybody reads the same messages in the
 * same order, so all agree which instance runs the source, and how it ended, without asking each other.
 */
export interface StreamFold {
  readonly newest: StreamRun | undefined;
  /** A run that counts, or did. */
  find(run: string): StreamRun | undefined;
  /**
   * Applies a message that is newer than all before it; an older one changes nothing. The data comes from the
   * network.
   *
   * @returns the part that it has of a run that counts, if any
   */
  apply(message: FoldedMessage): RunPart | undefined;
}

export interface FoldedMessage {
  readonly event: string;
  readonly data: unknown;
  readonly seq: number;
  readonly time: number;
}

type MutableRun = { -readonly [Key in keyof StreamRun]: StreamRun[Key] } & {
  /** Only the instance that runs the source publishes parts. */
  isProven: boolean;
};

const ENDS: ReadonlySet<unknown> = new Set<RunEnd>(["done", "stopped", "failed", "limit", "lost"]);

export function createStreamFold(): StreamFold {
  const runs = new Map<string, MutableRun>();
  let newest: MutableRun | undefined;
  let seen = 0;

  function begin(id: string, number: number, at: number): MutableRun {
    newest = {
      id,
      number,
      owner: undefined,
      startedAt: at,
      isWhole: false,
      end: undefined,
      isProven: false,
    };
    runs.set(id, newest);
    return newest;
  }

  function start(id: string, { number, given, time }: Applied): void {
    const isNext = !newest || (newest.end !== undefined && number === newest.number + 1);
    if (!isNext || !isInstanceId(given.i)) return;
    const started = begin(id, number, time);
    started.owner = given.i;
    started.isWhole = true;
  }

  /** The run of a message that only the instance that runs the source can have published. */
  function prove(id: string, { number, time }: Applied): MutableRun | undefined {
    // The log may no longer have what came before.
    const isNewer =
      !newest || number > newest.number || (number === newest.number && !newest.isProven);
    const run = runs.get(id) ?? (isNewer ? begin(id, number, time) : undefined);
    if (run) run.isProven = true;
    return run;
  }

  function end(run: MutableRun | undefined, { given, time, seq }: Applied): void {
    const { how, n, i } = given;
    if (!run || run.end || !ENDS.has(how)) return;
    const isLost = how === "lost";
    // The run may have continued with another owner before this message was stored.
    if (isLost ? i !== run.owner : !isCount(n)) return;
    run.end = { how: how as RunEnd, bytes: isLost ? undefined : (n as number), at: time, seq };
  }

  function setOwner(id: string, applied: Applied): void {
    const { i } = applied.given;
    const run = isInstanceId(i) ? prove(id, applied) : undefined;
    if (run && !run.end) run.owner = i as string;
  }

  function part(id: string, applied: Applied): RunPart | undefined {
    const read = readPart(applied.given);
    const run = read && prove(id, applied);
    // An instance that was paused may not know yet that its run has ended.
    return run && run.end?.how !== "lost" ? read : undefined;
  }

  return {
    get newest() {
      return newest;
    },
    find: (run) => runs.get(run),
    apply({ event, data, seq, time }) {
      if (seq <= seen) return undefined;
      seen = seq;
      const given = (typeof data === "object" && data !== null ? data : {}) as Given;
      const number = runNumber(given.r);
      if (number === undefined) return undefined;
      const id = given.r as string;
      const applied = { number, given, time, seq };
      if (event === "part") return part(id, applied);
      if (event === "start") start(id, applied);
      else if (event === "owner") setOwner(id, applied);
      else if (event === "end") end(runs.get(id), applied);
      return undefined;
    },
  };
}

interface Applied {
  readonly number: number;
  readonly given: Given;
  readonly time: number;
  readonly seq: number;
}

interface Given {
  readonly r?: unknown;
  readonly i?: unknown;
  readonly n?: unknown;
  readonly how?: unknown;
}
