import type { Codec } from "../../../src/core/codec.ts";
import { closeReader, type Engine } from "../../../src/core/engine.ts";
import { resumeReader } from "../../../src/core/deliver.ts";
import { openReader, type Start } from "../../../src/core/open-reader.ts";
import { packetBytes } from "../../../src/core/packet.ts";
import { parseCursor } from "../../../src/core/position.ts";
import type { Reader } from "../../../src/core/cohort.ts";
import type { Sink } from "../../../src/core/sink.ts";
import { gzip } from "../../../src/node/gzip.ts";
import { createInflater } from "../inflate.ts";
import { type Block, parseBlocks, type Stock } from "../test-sink.ts";

/** One stream: what is written waits until the client reads it, and a cut loses it. */
export interface ModelStream {
  readonly engine: Engine;
  readonly isLocal: boolean;
  /** Its sink will throw at some write. */
  readonly isBrittle: boolean;
  /** It takes everything, so its reader must never fall behind. */
  readonly isFast: boolean;
  readonly state: "opening" | "open" | "closed";
  readonly isAtHead: boolean;
  /** Written, but not read yet. */
  readonly waiting: Block[];
  /** Settles when it is open or has failed. */
  readonly opened: Promise<void>;
  /** Lets the sink take this many more packets. */
  give(packets: number): void;
  cut(): void;
}

export interface ModelStreamOptions {
  readonly topics: readonly string[];
  readonly start: Start;
  readonly isLocal: boolean;
  readonly isCompressed: boolean;
  readonly capacity: number;
  /** The sink throws at this write. */
  readonly breaksAt: number;
  /** See `OpenReaderOptions`. */
  readonly maxReplayBytes?: number | undefined;
}

/** Also shared by a few streams. */
const CODEC: Codec = { ...gzip, minReaders: 2 };

/** The newest position published so far. */
export type HeadOf = (epoch: string) => number;

export function openModelStream(
  engine: Engine,
  headOf: HeadOf,
  options: ModelStreamOptions,
): ModelStream {
  const { topics, start, isLocal, isCompressed, breaksAt } = options;
  let { capacity } = options;
  let state: ModelStream["state"] = "opening";
  let reader: Reader | undefined;
  let writes = 0;
  let openedWith: { readonly epoch: string; readonly stock: Stock } | undefined;

  function takeStock(epoch: string): Stock {
    const logs = topics.flatMap((name) => engine.topics.get(name)?.log ?? []);
    const entries = logs.flatMap((log) => log.messages.slice(log.first));
    return { head: headOf(epoch), kept: new Set(entries.flatMap((entry) => entry?.seq ?? [])) };
  }

  const waiting: Block[] = [];
  const inflater = createInflater();

  const sink: Sink = {
    write(packet) {
      if (state === "closed") throw new Error("A closed stream was written to");
      if (++writes === breaksAt) throw new Error("The test breaks this sink");
      const bytes = packetBytes(packet);
      for (const block of parseBlocks(isCompressed ? inflater.inflate(bytes) : bytes)) {
        // The first gap describes the moment of opening, however late it is written.
        const { reason } = block.data as { reason?: string };
        const isOpening = reason !== "evicted" && block.epoch === openedWith?.epoch;
        const stock = isOpening && writes === 1 ? openedWith?.stock : undefined;
        waiting.push({ ...block, stock: stock ?? takeStock(block.epoch) });
      }
      capacity--;
      return capacity > 0;
    },
    end: close,
  };

  function close(): void {
    state = "closed";
    // Nothing is read before hello: what a stream received before it broke is lost with it.
    if (!openedWith) waiting.length = 0;
  }

  const bound = options.maxReplayBytes;
  const opened = openReader(engine, {
    topics,
    start,
    sink,
    isLocal,
    codec: isCompressed ? CODEC : undefined,
    isReady: isLocal,
    ...(bound !== undefined && { maxReplayBytes: bound }),
  }).then(
    (result) => {
      if (state === "closed") {
        closeReader(engine, result.reader);
        return;
      }
      const cursor = parseCursor(result.cursor);
      if (!cursor) throw new Error(`hello has the cursor ${result.cursor}`);
      const { seq, epoch } = cursor;
      // In front: a reader in this process may already have received messages.
      const data = { resumed: result.resumed };
      const now = engine.backend.head().epoch;
      const stock = takeStock(now);
      openedWith = { epoch: now, stock };
      waiting.unshift({ event: "hello", seq, epoch, channel: "default", data, stock });
      state = "open";
      ({ reader } = result);
      if (!isLocal && capacity > 0) resumeReader(reader);
    },
    (error: unknown) => {
      state = "closed";
      const { code } = error as { code?: string };
      if (code !== "BUS_CLOSED" && code !== "BACKEND_UNAVAILABLE") throw error;
    },
  );

  return {
    engine,
    isLocal,
    isBrittle: breaksAt > 0,
    isFast: options.capacity === Number.POSITIVE_INFINITY && breaksAt === 0,
    get state() {
      return state;
    },
    get isAtHead() {
      return reader?.state === "head";
    },
    waiting,
    opened,
    give(packets) {
      capacity += packets;
      if (reader && state === "open" && capacity > 0) resumeReader(reader);
    },
    cut() {
      close();
      if (reader) closeReader(engine, reader);
    },
  };
}
