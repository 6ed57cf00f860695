import type { Engine } from "../../src/core/engine.ts";
import { resumeReader } from "../../src/core/deliver.ts";
import { openReader, type Start } from "../../src/core/open-reader.ts";
import { type Packet, packetBytes } from "../../src/core/packet.ts";
import { parseCursor } from "../../src/core/position.ts";
import type { Reader } from "../../src/core/cohort.ts";
import type { EndReason, Sink } from "../../src/core/sink.ts";
import { parseStream } from "./event-stream.ts";

/** A block of an event stream, as a client understands it. */
export interface Block {
  readonly event: string;
  readonly seq: number;
  readonly epoch: string;
  readonly channel: string;
  readonly data: unknown;
  /** For models: what there was to be had as it was found out what this block tells. */
  readonly stock?: Stock;
}

/** What a log has: its head, and the positions that history keeps. */
export interface Stock {
  readonly head: number;
  readonly kept: ReadonlySet<number>;
}

/** A sink as a slow client's line: it takes so many packets, and keeps all for the test to read. */
export interface TestSink extends Sink {
  readonly blocks: Block[];
  /** Values of the messages received. */
  readonly values: unknown[];
  readonly ended: EndReason[];
  /** Packets it can still take. */
  capacity: number;
  /** Called before a packet counts as taken; what it throws, the sink throws. */
  onWrite: ((packet: Packet) => void) | undefined;
}

export function createTestSink(capacity: number = Number.POSITIVE_INFINITY): TestSink {
  const blocks: Block[] = [];
  const sink: TestSink = {
    blocks,
    ended: [],
    capacity,
    onWrite: undefined,
    get values() {
      return blocks.filter(({ event }) => event === "message").map(({ data }) => data);
    },
    write(packet) {
      sink.onWrite?.(packet);
      blocks.push(...parseBlocks(packetBytes(packet)));
      sink.capacity--;
      return sink.capacity > 0;
    },
    end(reason) {
      sink.ended.push(reason);
    },
  };
  return sink;
}

export interface TestReader {
  readonly reader: Reader;
  readonly sink: TestSink;
  /** From `hello`. */
  readonly cursor: string;
  readonly resumed: boolean;
  /** The sink can take so many packets more. */
  take(packets?: number): void;
}

/** Opens a reader like an event stream does: it takes nothing before it was told so. */
export async function openTestReader(
  engine: Engine,
  topics: readonly string[],
  options: { start?: Start; capacity?: number; isLocal?: boolean } = {},
): Promise<TestReader> {
  const { start = "now", capacity = Number.POSITIVE_INFINITY, isLocal = false } = options;
  const sink = createTestSink(capacity);
  const isReady = capacity > 0;
  const opened = await openReader(engine, { topics, start, sink, isLocal, isReady });
  return {
    ...opened,
    sink,
    take(packets = Number.POSITIVE_INFINITY) {
      sink.capacity = packets;
      resumeReader(opened.reader);
    },
  };
}

export function parseBlocks(bytes: Uint8Array): Block[] {
  return parseStream([bytes]).map(({ event = "message", id = "", data }) => {
    const cursor = parseCursor(id);
    if (!cursor) throw new Error(`A block has the id ${JSON.stringify(id)}`);
    const channel = id.split("@")[1] ?? "default";
    const { seq, epoch } = cursor;
    return { event, seq, epoch, channel, data: JSON.parse(data) as unknown };
  });
}

/** After everything that waits for the current turn of the event loop. */
export async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** Until nothing is left to flush, in so many turns at most. */
export async function turns(count = 5): Promise<void> {
  for (let n = 0; n < count; n++) await turn();
}
