import type { Stored } from "../core/backend.ts";
import type { BusInternals } from "../core/bus-internals.ts";
import { type Engine, isClosed } from "../core/engine.ts";
import { isSseBusError, SseBusError } from "../core/errors.ts";
import { joinBytes } from "../core/join-bytes.ts";
import { publishOwn } from "../core/publish-own.ts";
import { publishReserved } from "../core/reserved.ts";
import { inBackground, startTimeout } from "../core/timers.ts";
import { type ChunkData, encodeChunk } from "./chunk-data.ts";
import { readStream } from "./read-stream.ts";
import { chunkChannel } from "./stream-channels.ts";
import type { ChunkMessage, RunEnd, StreamEvents } from "./stream-fold.ts";

/**
 * Appends a run to the log: each chunk when it is given, and all of them again in few large messages, from
 * which a reader that starts later reads. While the backend is unavailable, it tries again.
 */
export interface RunPublisher {
  /** Appends a chunk. One call at a time. @throws SseBusError `BUS_CLOSED`, or `GAP` if the log has lost the run */
  append(bytes: Uint8Array, data: ChunkData): Promise<void>;
  /** Ends the run after the last chunk. @throws SseBusError `BUS_CLOSED` */
  end(how: RunEnd): Promise<void>;
  /**
   * Says that this instance has the run. The others may have noticed its absence before that.
   *
   * @returns whether the run has ended for them. Never rejects
   */
  publishOwner(): Promise<boolean>;
}

export interface RunPublisherOptions {
  readonly internals: BusInternals;
  readonly channel: string;
  readonly run: string;
  /** The epoch of the log that has the start of the run. */
  readonly epoch: string;
  readonly instance: () => string;
}

/** A channel keeps 1,000 messages: a reader finds each chunk there, or in a part. */
const MAX_CHUNKS = 400;
const MAX_PART_BYTES = 98_304;
const MIN_RETRY_MS = 100;
const MAX_RETRY_MS = 2000;
const LOST =
  "A stream was ended because the log has lost its data, and with it the stream's start.";

export function createRunPublisher(options: RunPublisherOptions): RunPublisher {
  const { internals, channel, run: r, instance } = options;
  const { engine, onError } = internals;
  const chunks = chunkChannel(channel, r);
  /** Chunks since the last part. */
  let recent: Uint8Array[] = [];
  let recentBytes = 0;
  let offset = 0;

  async function sendPart(): Promise<void> {
    if (recentBytes === 0) return;
    const data = { r, o: offset - recentBytes, ...encodeChunk(joinBytes(recent)) };
    recent = [];
    recentBytes = 0;
    await send(internals, channel, "part", data satisfies StreamEvents["part"]);
  }

  return {
    async append(bytes, data) {
      const message = { o: offset, ...data } satisfies ChunkMessage;
      const { epoch } = await send(internals, chunks, "chunk", message);
      if (epoch !== options.epoch) throw new SseBusError("GAP", LOST);
      offset += bytes.length;
      recent.push(bytes);
      recentBytes += bytes.length;
      if (recent.length >= MAX_CHUNKS || recentBytes >= MAX_PART_BYTES) await sendPart();
    },
    async end(how) {
      await send(internals, channel, "end", { r, how, n: offset } satisfies StreamEvents["end"]);
      // Readers at the head have their end before the last part is stored.
      await sendPart();
    },
    async publishOwner() {
      const data = { r, i: instance() } satisfies StreamEvents["owner"];
      try {
        await send(internals, channel, "owner", data);
        const run = (await readStream(internals, channel, r)).fold.find(r);
        return run === undefined || run.end !== undefined;
      } catch (error) {
        if (!isClosed(engine)) onError(error as Error);
        return false;
      }
    },
  };
}

/** A publish whose answer was lost is sent twice: for readers, the second one has nothing new. */
async function send(
  internals: BusInternals,
  channel: string,
  event: string,
  data: object,
): Promise<Stored> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await publish(internals, channel, event, data);
    } catch (error) {
      const isOutage = isSseBusError(error) && error.code === "BACKEND_UNAVAILABLE";
      if (!isOutage || isClosed(internals.engine)) throw error;
      await untilUp(internals.engine, Math.min(MAX_RETRY_MS, MIN_RETRY_MS * 2 ** attempt));
    }
  }
}

async function publish(
  internals: BusInternals,
  channel: string,
  event: string,
  data: object,
): Promise<Stored> {
  if (!isClosed(internals.engine)) return publishReserved(internals, channel, event, data);
  // The bus is closing: its backend still publishes.
  return publishOwn(internals, data, { channel, event });
}

async function untilUp({ onceUp }: Engine, maxMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = inBackground(startTimeout(finish, maxMs));
    function finish(): void {
      clearTimeout(timer);
      onceUp.delete(finish);
      resolve();
    }
    onceUp.add(finish);
  });
}
