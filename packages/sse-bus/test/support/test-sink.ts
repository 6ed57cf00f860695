import type { Engine } from "../../src/core/engine.ts";
import { resumeReader } from "../../src/core/deliver.ts";
import { openReader, type Start } from "../../src/core/open-reader.ts";
import { type Packet, packetBytes } from "../../src/core/packet.ts";
import { parseCursor } from "../../src/core/position.ts";
import type { Reader } from "../../src/core/cohort.ts";
import type { EndReason, Sink } from "../../src/core/sink.ts";
import { parseStream } from "./event-stream.ts";

/** A block of an event stream, as a client reads it. */
export interface Block {
  readonly event: string;
  readonly seq: number;
  readonly epoch: string;
  readonly channel: string;
  readonly data: unknown;
  /** For models: what the log held when this block was made. */
  readonly stock?: Stock;
}

/** The contents of a log: its head, and the positions that history keeps. */
export interface Stock {
  readonly head: number;
  readonly kept: ReadonlySet<number>;
}

/** A sink like a slow client's: it takes a number of packets, and keeps them for the test. */
export interface TestSink extends Sink {
  readonly blocks: Block[];
  /** Values of the messages received. */
  readonly values: unknown[];
  readonly ended: EndReason[];
  /** The number of packets it can still take. */
  capacity: number;
  /** Called before a packet counts as taken; the sink throws what it throws. */
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
  /** Lets the sink take this many more packets. */
  take(packets?: number): void;
}

/** Opens a reader as an event stream does: nothing is written before `resumeReader`. */
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

/** Resolves after everything that waits for the current turn of the event loop. */
export async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** Resolves when nothing is left to flush, after a limited number of turns. */
export async function turns(count = 5): Promise<void> {
  for (let n = 0; n < count; n++) await turn();
}
