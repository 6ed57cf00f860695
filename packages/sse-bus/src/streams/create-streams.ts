import { internalsOf } from "../core/bus-internals.ts";
import type { Bus } from "../core/bus-types.ts";
import { isClosed } from "../core/engine.ts";
import { publishReserved } from "../core/reserved.ts";
import { createJoinTicker } from "./join-ticker.ts";
import { readStream, type StreamRead } from "./read-stream.ts";
import { startRun } from "./run.ts";
import { createRunPublisher, type RunPublisher } from "./run-publisher.ts";
import { missingError } from "./run-errors.ts";
import { createRunReader } from "./run-reader.ts";
import { assertSource, discardSource, type StreamSource } from "./source.ts";
import { createRunId, streamChannel } from "./stream-channels.ts";
import type { StreamEvents, StreamRun } from "./stream-fold.ts";
import { type RunWatcher, streamRunsOf } from "./stream-runs.ts";
import { resolveLimits, type StreamLimits } from "./streams-options.ts";
import type { StreamBody, Streams, StreamStatus } from "./streams-types.ts";

/** Options of {@link createStreams}. */
export interface StreamsOptions extends StreamLimits {
  readonly bus: Pick<Bus, "close">;
}

/**
 * Streams of text or bytes that survive their reader: an answer that is generated while it is read, an export, a
 * log. The source runs to its end on the instance that started it, and what it gives is in the bus's log. So a page
 * can reload, and several can read, on any instance. {@link Streams.stop} ends the source early, and so do the limits,
 * the end of its server, and a log that has lost the stream.
 *
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * const streams = createStreams({ bus });
 * const body = await streams.start("answer-42", ({ signal }) => generate(prompt, signal));
 * return new Response(body, { headers: { "Content-Type": "text/plain; charset=utf-8" } });
 * ```
 */
export function createStreams(options: StreamsOptions): Streams {
  const { start, resume, stop, status } = createOwnStreams(options);
  return { start, resume, stop, status };
}

/** {@link createStreams}, with what the package's own routes need. */
export interface OwnStreams extends Streams {
  /** {@link Streams.resume} if the source still runs, else `null`. */
  resumeRunning(id: string): Promise<StreamBody | null>;
}

export function createOwnStreams({ bus, ...given }: StreamsOptions): OwnStreams {
  const internals = internalsOf(bus);
  const limits = resolveLimits(given);
  const runs = streamRunsOf(internals);
  const { table } = runs;
  const ticker = createJoinTicker(limits.joinMs);

  /** @returns the stream, and whether its newest run still runs */
  async function findRunning(channel: string): Promise<[StreamRead, boolean]> {
    const read = await readStream(internals, channel);
    const { newest } = read.fold;
    if (!newest || newest.end) return [read, false];
    await runs.open();
    if (await runs.isAlive(channel, newest)) return [read, true];
    return [await readStream(internals, channel), false];
  }

  /** Starts a run, unless another instance is first. @returns the stream, and whether it is this run */
  async function startNext(channel: string, source: StreamSource): Promise<[StreamRead, boolean]> {
    await runs.open();
    const place = runs.reserve(limits.maxStreams);
    try {
      const before = await readStream(internals, channel);
      const id = createRunId((before.fold.newest?.number ?? 0) + 1);
      const owner = table.id;
      place.claim(id);
      const { read, publisher } = await claimRun(channel, { r: id, i: owner }).catch(
        (error: unknown) => {
          place.release(disclaim(channel, id));
          throw error;
        },
      );
      if (read.fold.newest?.id !== id) return [read, false];
      const { onError } = internals;
      const run = startRun({ id, channel, source, limits, ticker, publisher, onError });
      place.run(run);
      if (owner !== table.id) run.publishOwner();
      return [read, true];
    } finally {
      place.release();
    }
  }

  /** @throws SseBusError `GAP`, `BACKEND_UNAVAILABLE`, `BUS_CLOSED`; the log may have the claim nevertheless */
  async function claimRun(channel: string, claim: StreamEvents["start"]): Promise<Claimed> {
    const { epoch } = await publishReserved(internals, channel, "start", claim);
    const read = await readStream(internals, channel);
    // The log has lost its data in between.
    if (!read.fold.newest) throw missingError(0);
    const options = { internals, channel, run: claim.r, epoch, instance: () => table.id };
    return { read, publisher: createRunPublisher(options) };
  }

  /** Ends a run that was claimed, if the log has the claim, and that nothing runs. Never rejects. */
  async function disclaim(channel: string, run: string): Promise<void> {
    const options = { internals, channel, run, epoch: "", instance: () => table.id };
    await createRunPublisher(options)
      .end("failed")
      .catch((error: Error) => {
        // Then the others notice that the instance has gone.
        if (!isClosed(internals.engine)) internals.onError(error);
      });
  }

  function readerOf(channel: string, read: StreamRead): StreamBody {
    const { id: run } = read.fold.newest as StreamRun;
    const watch = (reader: RunWatcher) => runs.watch(channel, run, reader);
    return createRunReader({ internals, channel, run, read, watch }) as StreamBody;
  }

  return {
    async start(id, source) {
      const channel = streamChannel(id);
      assertSource(source);
      let isUsed = false;
      try {
        const [running, isRunning] = await findRunning(channel);
        if (isRunning) return readerOf(channel, running);
        const [read, isOwn] = await startNext(channel, source);
        isUsed = isOwn;
        return readerOf(channel, read);
      } finally {
        if (!isUsed) discardSource(source);
      }
    },
    async resume(id) {
      const channel = streamChannel(id);
      const read = await readStream(internals, channel);
      const { newest } = read.fold;
      if (!isReadable(newest)) return null;
      if (!newest.end) await runs.open();
      return readerOf(channel, read);
    },
    async resumeRunning(id) {
      const channel = streamChannel(id);
      const [read, isRunning] = await findRunning(channel);
      return isRunning ? readerOf(channel, read) : null;
    },
    async stop(id) {
      const channel = streamChannel(id);
      const { newest } = (await readStream(internals, channel)).fold;
      if (!newest || newest.end) return false;
      // The order first: it may take a second to know whether the owner is present.
      if (await runs.stop(newest.id)) return true;
      await runs.open();
      if (await runs.isAlive(channel, newest)) return true;
      const { fold } = await readStream(internals, channel, newest.id);
      return fold.find(newest.id)?.end?.how === "stopped";
    },
    async status(id) {
      const [{ fold }] = await findRunning(streamChannel(id));
      const { newest } = fold;
      return isReadable(newest) ? statusOf(newest) : null;
    },
  };
}

interface Claimed {
  /** The stream after the claim. */
  readonly read: StreamRead;
  readonly publisher: RunPublisher;
}

/** The log still has its start. */
function isReadable(run: StreamRun | undefined): run is StreamRun {
  return run !== undefined && (run.isWhole || run.end === undefined);
}

function statusOf({ startedAt, end }: StreamRun): StreamStatus {
  if (!end) return { state: "running", startedAt };
  const state = end.how === "limit" ? "failed" : end.how;
  const { at: endedAt, bytes } = end;
  return { state, startedAt, endedAt, ...(bytes !== undefined && { bytes }) };
}
