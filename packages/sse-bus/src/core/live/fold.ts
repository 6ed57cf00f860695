import { type BusInternals } from "../bus-internals.ts";
import { type Reader, readerCursor } from "../cohort.ts";
import { advanceCohort, resumeReader } from "../deliver.ts";
import { closeReader, provenHead } from "../engine.ts";
import { SseBusError } from "../errors.ts";
import { createLazyTimer } from "../timers.ts";
import { type LogMessage, messageData } from "../message.ts";
import { openReader } from "../open-reader.ts";
import { formatCursor } from "../position.ts";
import type { Sink } from "../sink.ts";
import { nextTurn } from "../slices.ts";
import { nameOf } from "../stored-message.ts";
import { applyMessage, skippedText } from "./apply-message.ts";
import type { LiveDefinition, LiveSnapshot } from "./live-types.ts";

/** The value of a live object, kept current by one reader of the log for all who read it. */
export interface LiveFold {
  /** The value at the position that this process has reached. Waits for the first fold, and after a gap. */
  read(): Promise<LiveSnapshot<unknown>>;
  /** The fold ends when the last of its reads has its answer. Idempotent. */
  retire(): void;
}

/** How long a fold is kept current after it was last read. */
const IDLE_MS = 60_000;

/** How long one slice of a first fold may block the event loop. */
const SLICE_MS = 1;

/**
 * Folds what the log keeps, from the oldest message on, then every new message. After a gap it starts again.
 *
 * @param onEnd called once, when the fold is of no use any more
 */
export function createLiveFold(
  internals: BusInternals,
  live: LiveDefinition,
  onEnd: () => void,
): LiveFold {
  const { engine, onError, attachments } = internals;
  const idleMs = (attachments.get("liveIdleMs") as number | undefined) ?? IDLE_MS;
  let value = live.initial;
  let reads = 0;
  let isRetired = false;
  let isEnded = false;
  /** Readers of former folds deliver nothing any more. */
  let current: Promise<Reader>;
  let currentSink: Sink;
  /** Until then, the reader may deliver. */
  let sliceEnds = 0;
  let wake: () => void;
  /** Resolves when the fold starts again, or ends. */
  let changed: Promise<void>;
  const timer = createLazyTimer(end);

  function start(): void {
    value = live.initial;
    const sink: Sink = {
      write({ gap, messages }) {
        if (sink !== currentSink || isEnded) return true;
        if (gap) restart();
        else for (const message of messages) accept(message);
        return performance.now() < sliceEnds;
      },
      end() {
        if (sink === currentSink) end();
      },
    };
    currentSink = sink;
    changed = new Promise((resolve) => (wake = resolve));
    current = open(sink);
    // A fold that cannot be made is of no use; the next read makes another one.
    current.catch(() => {
      if (sink === currentSink) end();
    });
  }

  async function open(sink: Sink): Promise<Reader> {
    const topics = [live.channel];
    const options = { topics, start: "earliest", sink, isLocal: true, isReady: false } as const;
    const { reader } = await openReader(engine, options);
    // History can be long: it is folded in slices, so that it does not block the event loop.
    while (!reader.ready && sink === currentSink && !isEnded) {
      sliceEnds = performance.now() + SLICE_MS;
      resumeReader(reader);
      if (!reader.ready) await nextTurn();
    }
    if (sink === currentSink) sliceEnds = Number.POSITIVE_INFINITY;
    if (sink !== currentSink || isEnded) closeReader(engine, reader);
    return reader;
  }

  /** Messages are missing: what the log keeps is folded again. */
  function restart(): void {
    release();
    start();
  }

  /** Closes the reader, if it is open yet; otherwise it closes when it opens. */
  function release(): void {
    wake();
    void current.then((reader) => closeReader(engine, reader)).catch(() => {});
  }

  function accept(message: LogMessage): void {
    const { channel, event, time } = message;
    if (live.event !== undefined && live.event !== event) return;
    try {
      const id = formatCursor(message, provenHead(engine).epoch);
      const data = messageData(message);
      value = applyMessage(live, value, { id, channel, event, data, time });
    } catch (cause) {
      onError(skippedError(nameOf(message, message), cause));
    }
  }

  function end(): void {
    if (isEnded) return;
    isEnded = true;
    timer.stop();
    release();
    onEnd();
  }

  async function take(): Promise<LiveSnapshot<unknown>> {
    for (;;) {
      const folding = current;
      const reader = await folding;
      if (engine.backendStatus === "down") throw unavailable(live.channel);
      if (isEnded) throw closed(live.channel);
      if (folding !== current) continue;
      // Nothing of the channel is between this position and the head.
      advanceCohort(reader.cohort, provenHead(engine));
      if (reader.state === "head" || reader.state === "waiting") {
        const cursor = formatCursor(readerCursor(reader), provenHead(engine).epoch);
        return { value, cursor };
      }
      // The log has restarted. The reader gets a gap once the new log is read.
      await changed;
    }
  }

  start();
  return {
    async read() {
      reads++;
      timer.stop();
      try {
        return await take();
      } finally {
        reads--;
        if (reads === 0 && isRetired) end();
        else if (reads === 0 && !isEnded) timer.start(idleMs);
      }
    },
    retire() {
      isRetired = true;
      if (reads === 0) end();
    },
  };
}

function skippedError(what: string, cause: unknown): SseBusError {
  return new SseBusError("LISTENER_FAILED", skippedText(what, cause), { cause });
}

function unavailable(channel: string): SseBusError {
  const text = `The live value of "${channel}" cannot be read while the backend is unavailable: retry later.`;
  return new SseBusError("BACKEND_UNAVAILABLE", text);
}

function closed(channel: string): SseBusError {
  return new SseBusError(
    "BUS_CLOSED",
    `The bus was closed while the live value of "${channel}" was read.`,
  );
}
