import type { BusInternals } from "../core/bus-internals.ts";
import { assertOpen, isOpen } from "../core/engine.ts";
import { type LogMessage, messageData } from "../core/message.ts";
import { readPage } from "../core/read-page.ts";
import { nameOf, unreadableError } from "../core/stored-message.ts";
import { chunkChannel } from "./stream-channels.ts";
import { type PlacedBytes, readPart, readPlaced, type RunPart } from "./placed-bytes.ts";
import { createStreamFold, type StreamFold, type StreamRun } from "./stream-fold.ts";

/** What the log keeps of a stream's channel, with the parts of one run from its start. */
export interface StreamRead extends HeldParts {
  readonly fold: StreamFold;
}

/** Parts of one run. */
export interface HeldParts {
  /** As many as a reader may hold. */
  readonly parts: PlacedBytes[];
  /** There are more parts of this run, after this position. */
  readonly moreAfter: number | undefined;
  /** The position of the run's last part, 0 if there is none. What is after it in the run, no part has. */
  readonly lastPart: number;
}

/** Bytes of a page of the log, about. A reader that is slow holds one page. */
const PAGE_BYTES = 524_288;

/**
 * Reads what the log keeps of a stream's channel, without subscribing: the parts of a run, or of the newest one.
 *
 * @throws SseBusError `BACKEND_UNAVAILABLE`, `BUS_CLOSED`
 */
export async function readStream(
  internals: BusInternals,
  channel: string,
  run?: string,
): Promise<StreamRead> {
  const fold = createStreamFold();
  let wanted = run;
  let collector = createPartCollector();
  for await (const messages of readPages(internals, channel, 0)) {
    for (const message of messages) {
      const part = applyTo(fold, message, internals.onError);
      // Most of what a channel keeps may be of other runs.
      const before = wanted;
      wanted = run ?? fold.newest?.id;
      if (wanted !== before) collector = createPartCollector();
      if (part && part.run === wanted) collector.add(part, message.seq);
    }
  }
  return { fold, ...collector.held };
}

/**
 * Reads more parts of a run, which {@link readStream} has left out.
 *
 * @throws SseBusError `BACKEND_UNAVAILABLE`, `BUS_CLOSED`
 */
export async function readMoreParts(
  internals: BusInternals,
  channel: string,
  { run, after }: { readonly run: StreamRun; readonly after: number },
): Promise<HeldParts> {
  const { held, add } = createPartCollector();
  for await (const messages of readPages(internals, channel, after)) {
    for (const message of messages) {
      // A part that is stored after the loss of its run does not count.
      if (run.end?.how === "lost" && message.seq > run.end.seq) return held;
      const isPart = message.event === "part";
      const part = isPart ? readPart(dataOf(message, internals.onError)) : undefined;
      if (part?.run === run.id) add(part, message.seq);
      if (held.moreAfter !== undefined) return held;
    }
  }
  return held;
}

/**
 * Reads the chunks of a run that the log keeps after a position: few, if it is that of the last part.
 *
 * @throws SseBusError `BACKEND_UNAVAILABLE`, `BUS_CLOSED`
 */
export async function readChunks(
  internals: BusInternals,
  channel: string,
  { run, after }: { readonly run: string; readonly after: number },
): Promise<PlacedBytes[]> {
  const chunks: PlacedBytes[] = [];
  for await (const messages of readPages(internals, chunkChannel(channel, run), after)) {
    chunks.push(...messages.flatMap((message) => readChunk(message, internals.onError) ?? []));
  }
  return chunks;
}

/** Parts up to the size of a page; at least one. */
function createPartCollector() {
  const held: { -readonly [Key in keyof HeldParts]: HeldParts[Key] } = {
    parts: [],
    moreAfter: undefined,
    lastPart: 0,
  };
  let size = 0;
  return {
    held: held as HeldParts,
    add({ offset, bytes }: PlacedBytes, seq: number): void {
      if (size >= PAGE_BYTES) held.moreAfter ??= held.lastPart;
      held.lastPart = seq;
      if (held.moreAfter !== undefined) return;
      held.parts.push({ offset, bytes });
      size += bytes.length;
    },
  };
}

async function* readPages(
  { engine }: BusInternals,
  channel: string,
  after: number,
): AsyncGenerator<readonly LogMessage[], void, void> {
  assertOpen(engine);
  if (!isOpen(engine)) await engine.lifecycle.open();
  // Without `readAfter`, a page costs as much as all of them together.
  const maxBytes = engine.backend.readAfter ? PAGE_BYTES : Infinity;
  for (let last = after; ;) {
    const { messages, isLast } = await readPage(engine.backend, channel, last, maxBytes);
    yield messages;
    if (isLast || messages.length === 0) return;
    last = messages.at(-1)?.seq ?? last;
    assertOpen(engine);
  }
}

export function applyTo(
  fold: StreamFold,
  message: LogMessage,
  onError: (error: Error) => void,
): RunPart | undefined {
  const data = dataOf(message, onError);
  return fold.apply({ event: message.event, data, seq: message.seq, time: message.time });
}

/** The readers of a run get each chunk one after the other, so it is parsed once. Each has bytes of its own. */
let parsed: { readonly message: LogMessage; readonly data: unknown } | undefined;

export function readChunk(
  message: LogMessage,
  onError: (error: Error) => void,
): PlacedBytes | undefined {
  if (message.event !== "chunk") return undefined;
  if (parsed?.message !== message) parsed = { message, data: dataOf(message, onError) };
  return readPlaced(parsed.data);
}

/** A backend may not have checked its data. */
function dataOf(message: LogMessage, onError: (error: Error) => void): unknown {
  try {
    return messageData(message);
  } catch (cause) {
    onError(unreadableError(nameOf(message, message), cause as Error));
    return undefined;
  }
}
