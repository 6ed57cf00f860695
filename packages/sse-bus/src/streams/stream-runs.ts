import { attachmentOf, type BusInternals } from "../core/bus-internals.ts";
import { isClosed } from "../core/engine.ts";
import type { SseBusError } from "../core/errors.ts";
import type { InstanceTable } from "../core/instances/instance-table.ts";
import { instancesOf } from "../core/instances/instances.ts";
import { createLeaseHold } from "../core/instances/lease-hold.ts";
import { reportPartsOf } from "../core/report-parts.ts";
import { publishReserved } from "../core/reserved.ts";
import { createOwnerWatch, isPresent } from "./owner-watch.ts";
import { createRunPlaces, leavingError, type RunPlaces } from "./run-places.ts";
import { runNumber } from "./stream-channels.ts";
import type { StreamEvents, StreamRun } from "./stream-fold.ts";

/** The durable streams of a bus: the sources that this instance runs, and the runs that it reads. */
export interface StreamRuns {
  readonly table: InstanceTable;
  /**
   * Subscribes to the control channel, over which streams are stopped.
   *
   * @throws SseBusError `BUS_CLOSED`
   */
  open(): Promise<void>;
  /** See {@link RunPlaces}. */
  readonly reserve: RunPlaces["reserve"];
  /**
   * Aborts the source of a run, wherever it is. Resolves once the order is in the log, or it has ended.
   *
   * @returns whether this instance ran it
   */
  stop(run: string): Promise<boolean>;
  /**
   * Watches a run while it is read, if it runs elsewhere: publishes that it is lost once its owner has gone.
   *
   * @returns ends the watch
   * @throws SseBusError `BUS_CLOSED` if this instance shuts down
   */
  watch(channel: string, run: string, reader: RunWatcher): () => void;
  /**
   * Whether the owner of a run that has not ended is present. If it seems not to be, waits for it a while, and
   * otherwise publishes that the run is lost.
   *
   * @throws SseBusError `BACKEND_UNAVAILABLE`, `BUS_CLOSED`
   */
  isAlive(channel: string, run: StreamRun): Promise<boolean>;
}

/** A reader of a run, as this instance knows it. */
export interface RunWatcher {
  /** The instance that runs the source, as the reader knows it. */
  readonly owner: () => string | undefined;
  /** This instance shuts down. A run elsewhere may continue for long: its clients continue on another instance. */
  readonly onLeave: (error: SseBusError) => void;
}

const ATTACHMENT = "streams";
const STOP_EVENT = "stream-stop";
/** The next stream may start soon. */
const LINGER_MS = 30_000;

/** The streams of a bus. The first call makes them; they cost nothing until then. */
export function streamRunsOf(internals: BusInternals): StreamRuns {
  return attachmentOf(internals, ATTACHMENT, () => createStreamRuns(internals));
}

function createStreamRuns(internals: BusInternals): StreamRuns {
  const table = instancesOf(internals);
  const places = createRunPlaces(keepLease);
  reportPartsOf(internals).streams = places.report;
  /** Those who read runs of other instances. */
  const readers = new Set<RunWatcher>();
  const lease = createLeaseHold(table, LINGER_MS);
  let isWatching = false;

  const watch = createOwnerWatch(table, (isUsed) => {
    isWatching = isUsed;
    keepLease();
  });

  /** Others notice by the lease that this instance has gone, and this one by theirs only if somebody has one. */
  function keepLease(): void {
    if (!places.hasLeft) lease.set(places.size > 0 || isWatching);
  }

  table.control.on(STOP_EVENT, (data) => {
    const { r } = (typeof data === "object" && data !== null ? data : {}) as { r?: unknown };
    if (runNumber(r) !== undefined) void places.stop(r as string);
  });
  table.onNewId(() => places.publishOwner());
  table.onLeave(async () => {
    lease.stop();
    const left = places.leave();
    for (const { onLeave } of readers) onLeave(leavingError());
    await left;
  });

  async function publishLost(channel: string, r: string, owner: string | undefined): Promise<void> {
    const data = { r, how: "lost", ...(owner !== undefined && { i: owner }) } as const;
    const id = `lost/${r}/${owner ?? ""}`;
    await publishReserved(internals, channel, "end", data satisfies StreamEvents["end"], { id });
  }

  /** Waits for an owner that seems to be absent: it may continue with another id. */
  async function isPresentSoon(owner: string | undefined): Promise<boolean> {
    if (owner !== undefined && isPresent(table, owner)) return true;
    let stop = (): void => {};
    const absent = new Promise<boolean>((resolve) => {
      stop = watch.add({
        owner: () => owner,
        onPresent: () => resolve(true),
        onLost: () => resolve(false),
      });
    });
    const isAlive = await absent;
    stop();
    return isAlive;
  }

  return {
    table,
    open: async () => {
      await table.control.open();
    },
    reserve: places.reserve,
    async stop(r) {
      const isOwn = places.has(r);
      if (isOwn) await places.stop(r);
      else await table.control.send(STOP_EVENT, { r });
      return isOwn;
    },
    watch(channel, run, reader) {
      if (places.has(run)) return () => {};
      // The log has the end of an own run, or soon will.
      const isOwn = reader.owner() === table.id;
      if (places.hasLeft && !isOwn) throw leavingError();
      const stop = watch.add({
        owner: reader.owner,
        onLost(lost) {
          publishLost(channel, run, lost).catch((error: Error) => {
            // The next check tries again.
            if (!isClosed(internals.engine)) internals.onError(error);
          });
        },
      });
      if (!isOwn) readers.add(reader);
      return () => {
        readers.delete(reader);
        stop();
      };
    },
    async isAlive(channel, { id, owner }) {
      if (places.has(id)) return true;
      // A claim of this instance that failed: its answer was lost, and so nothing runs.
      if (owner !== table.id && (await isPresentSoon(owner))) return true;
      await publishLost(channel, id, owner);
      return false;
    },
  };
}
