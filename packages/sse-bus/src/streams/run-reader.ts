import type { BusInternals } from "../core/bus-internals.ts";
import { joinBytes } from "../core/join-bytes.ts";
import type { LogMessage } from "../core/message.ts";
import { type LogCursor, openLogCursor } from "./log-cursor.ts";
import {
  applyTo,
  type HeldParts,
  readChunk,
  readChunks,
  readMoreParts,
  readStream,
  type StreamRead,
} from "./read-stream.ts";
import { chunkChannel } from "./stream-channels.ts";
import type { PlacedBytes } from "./placed-bytes.ts";
import { isComplete, missingError } from "./run-errors.ts";
import type { RunWatcher } from "./stream-runs.ts";

export interface RunReaderOptions {
  readonly internals: BusInternals;
  readonly channel: string;
  readonly run: string;
  /** The stream's channel as it was read, with the parts of this run. The reader empties the list. */
  readonly read: StreamRead;
  /** Watches the instance of the run, until the returned function is called. @throws SseBusError `BUS_CLOSED` */
  readonly watch: (reader: RunWatcher) => () => void;
}

/**
 * A run from its start to its end, as its source gave it. A reader is a cursor on the log: it reads at its
 * own pace, and holds a page of what it has read there, or a few packets. It costs no more before it is read for the
 * first time.
 */
export function createRunReader(options: RunReaderOptions): ReadableStream<Uint8Array> {
  const state: ReaderState = { isCancelled: false, cursor: undefined, fail: () => {} };
  const pieces = readRun(options, state);

  async function finish(): Promise<void> {
    state.isCancelled = true;
    // The generator may wait for a packet.
    state.cursor?.close();
    await pieces.return();
  }

  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        state.fail = (error) => {
          controller.error(error);
          void finish();
        };
      },
      async pull(controller) {
        try {
          const { done, value } = await pieces.next();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          controller.error(error);
        }
      },
      cancel: finish,
    },
    { highWaterMark: 0 },
  );
}

interface ReaderState {
  isCancelled: boolean;
  cursor: LogCursor | undefined;
  /** Ends the reader with an error, whether or not somebody reads. */
  fail: (error: Error) => void;
}

/** Bytes that are read at once, about. */
const MAX_PIECE_BYTES = 65_536;

async function* readRun(
  { internals, channel, run: id, watch, read }: RunReaderOptions,
  state: ReaderState,
): AsyncGenerator<Uint8Array, void, void> {
  const { engine, onError } = internals;
  let { fold } = read;
  let offset = 0;
  let isMissing = false;
  /** The position of the last part: what no part has is after it. */
  let lastPart = 0;
  let stopWatching = (): void => {};

  /** What is new of these bytes. Of a run's bytes, a reader may receive some twice. */
  function place(placed: PlacedBytes): Uint8Array | undefined {
    if (placed.offset > offset) isMissing = true;
    const isNew = placed.offset <= offset && placed.offset + placed.bytes.length > offset;
    if (!isNew) return undefined;
    const bytes = placed.bytes.subarray(offset - placed.offset);
    offset += bytes.length;
    return bytes;
  }

  /** What is new of a packet, which is no larger than a piece. */
  function placePacket(messages: readonly LogMessage[]): Uint8Array | undefined {
    isMissing = false;
    const pieces = messages.flatMap((message) => {
      const placed = placedIn(message);
      return (placed && place(placed)) ?? [];
    });
    return pieces.length > 0 ? joinBytes(pieces) : undefined;
  }

  /** Empties the list, as the reader may be slow. */
  function* placeAll(list: PlacedBytes[]): Generator<Uint8Array, void, void> {
    isMissing = false;
    list.reverse();
    let pieces: Uint8Array[] = [];
    let size = 0;
    for (let next = list.pop(); next; next = list.pop()) {
      const bytes = place(next);
      if (!bytes) continue;
      pieces.push(bytes);
      size += bytes.length;
      if (size < MAX_PIECE_BYTES) continue;
      yield joinBytes(pieces);
      pieces = [];
      size = 0;
    }
    if (size > 0) yield joinBytes(pieces);
  }

  /** The parts of a run, a page at a time: what nobody has asked for stays in the log. */
  async function* placeParts(from: StreamRead): AsyncGenerator<Uint8Array, void, void> {
    const run = from.fold.find(id);
    let held: HeldParts = from;
    yield* placeAll(held.parts);
    while (run && held.moreAfter !== undefined) {
      held = await readMoreParts(internals, channel, { run, after: held.moreAfter });
      yield* placeAll(held.parts);
    }
    ({ lastPart } = held);
  }

  /** Reads from the log what was appended before the cursor, or is missing after it. */
  async function* catchUp(): AsyncGenerator<Uint8Array, void, void> {
    let before: number;
    do {
      before = offset;
      const again = await readStream(internals, channel, id);
      ({ fold } = again);
      yield* placeParts(again);
      yield* readRest();
      // While the client took its time, newer parts may have replaced the chunks.
    } while (isShort() && offset > before);
    if (!isOver() && isShort()) throw missingError(offset);
  }

  /** Reads the chunks after the last part. Of a run that is lost, nobody knows whether there are any. */
  async function* readRest(): AsyncGenerator<Uint8Array, void, void> {
    const isLost = fold.find(id)?.end?.how === "lost";
    if (isLost || !isOver()) {
      yield* placeAll(await readChunks(internals, channel, { run: id, after: lastPart }));
    }
  }

  /** The log had more, or still has it. */
  function isShort(): boolean {
    return isMissing || (fold.find(id)?.end?.bytes ?? 0) > offset;
  }

  /** @throws SseBusError `GAP`, `STREAM_FAILED` */
  function isOver(): boolean {
    const run = fold.find(id);
    if (!run) throw missingError(offset);
    return run.end !== undefined && isComplete(run.end, offset);
  }

  function placedIn(message: LogMessage): PlacedBytes | undefined {
    if (message.channel !== channel) return readChunk(message, onError);
    const part = applyTo(fold, message, onError);
    return part?.run === id ? part : undefined;
  }

  try {
    yield* placeParts(read);
    if (fold.find(id)?.end?.how === "lost") yield* readRest();
    if (isOver()) return;
    state.cursor = await openLogCursor(engine, [channel, chunkChannel(channel, id)]);
    if (state.isCancelled) return;
    stopWatching = watch({ owner: () => fold.find(id)?.owner, onLeave: state.fail });
    yield* catchUp();
    while (!isOver()) {
      const packet = await state.cursor.next();
      if (!packet) return;
      if (packet.gap && packet.gap.reason !== "evicted") throw missingError(offset);
      const bytes = placePacket(packet.messages);
      if (bytes) yield bytes;
      if (isShort() || packet.gap) yield* catchUp();
    }
  } finally {
    stopWatching();
    state.cursor?.close();
  }
}
