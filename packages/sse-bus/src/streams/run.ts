import { SseBusError } from "../core/errors.ts";
import type { ReportedStream } from "../core/report-parts.ts";
import { createLazyTimer } from "../core/timers.ts";
import { encodeChunk } from "./chunk-data.ts";
import type { RunPublisher } from "./run-publisher.ts";
import type { JoinTicker } from "./join-ticker.ts";
import { createPendingBytes } from "./pending-bytes.ts";
import { openSource, type OpenSource, type StreamSource } from "./source.ts";
import type { RunEnd } from "./stream-fold.ts";
import type { ResolvedLimits } from "./streams-options.ts";

/** A source that this instance runs, to its end whether or not anybody reads. */
export interface Run {
  readonly id: string;
  /**
   * The stream has ended, and the log has all of it. A source that was aborted may take longer, or never end.
   */
  readonly done: Promise<void>;
  /** Aborts the source and ends the stream. Idempotent. */
  end(how: RunEnd): Promise<void>;
  /** This instance continues with another id. Ends the stream if it counts as lost already. */
  publishOwner(): void;
  /** What a report of this instance says of it. */
  report(): ReportedStream;
}

export interface RunOptions {
  readonly id: string;
  /** The channel of the stream. */
  readonly channel: string;
  readonly source: StreamSource;
  readonly limits: ResolvedLimits;
  readonly ticker: JoinTicker;
  readonly publisher: RunPublisher;
  readonly onError: (error: Error) => void;
}

/** While this much waits, the source is not read: the backend is unavailable, or slow. */
const MAX_PENDING_BYTES = 1_048_576;
const MAX_CHUNK_BYTES = 32_768;

export function startRun(options: RunOptions): Run {
  const { id, channel, source, limits, ticker, publisher, onError } = options;
  const startedAt = Date.now();
  const controller = new AbortController();
  const pending = createPendingBytes();
  const runTimer = createLazyTimer(() => void end("limit"));
  let opened: OpenSource | undefined;
  let ended: Promise<void> | undefined;
  let flushing: Promise<void> | undefined;
  let isFirst = true;
  let hasFailed = false;
  let given = 0;
  let notifyDrained = (): void => {};
  let notifyDone!: () => void;
  const done = new Promise<void>((resolve) => {
    notifyDone = resolve;
  });

  async function read(): Promise<RunEnd> {
    opened = await openSource(source, controller.signal);
    if (ended) opened.cancel(controller.signal.reason);
    for (;;) {
      const bytes = await opened.next();
      if (!bytes || ended) return "done";
      given += bytes.length;
      if (given > limits.maxBytes) return "limit";
      pending.add(bytes);
      flushSoon();
      while (pending.size > MAX_PENDING_BYTES && !ended) {
        await new Promise<void>((resolve) => {
          notifyDrained = resolve;
        });
      }
    }
  }

  /** The first bytes at once, as somebody waits for them. */
  function flushSoon(): void {
    if (flushing || ended) return;
    if (isFirst) flush();
    else ticker.add(flush);
  }

  /** Appends what waits; what arrives during it waits for the next time. */
  function flush(): void {
    if (flushing || ended) return;
    isFirst = false;
    flushing = appendPending(pending.size, false)
      .catch(fail)
      .then(() => {
        flushing = undefined;
        notifyDrained();
        if (pending.hasWhole) flushSoon();
      });
  }

  async function appendPending(upTo: number, isLast: boolean): Promise<void> {
    let left = upTo;
    while (left > 0) {
      const bytes = pending.take(Math.min(left, MAX_CHUNK_BYTES), isLast);
      if (bytes.length === 0) return;
      left -= bytes.length;
      await publisher.append(bytes, encodeChunk(bytes));
    }
  }

  /** The log does not take it. */
  function fail(cause: unknown): void {
    if (!hasFailed) onError(cause as Error);
    hasFailed = true;
    void end("failed");
  }

  async function end(how: RunEnd): Promise<void> {
    ended ??= finish(how).catch(onError).then(notifyDone);
    return ended;
  }

  async function finish(how: RunEnd): Promise<void> {
    ticker.delete(flush);
    runTimer.stop();
    const reason = new SseBusError("STREAM_FAILED", `The stream has ended (${how}).`);
    if (how !== "done") controller.abort(reason);
    if (how !== "done") opened?.cancel(reason);
    notifyDrained();
    await flushing;
    if (!hasFailed) await appendPending(pending.size, true).catch(fail);
    // It is short, whatever the source says.
    await publisher.end(hasFailed ? "failed" : how);
  }

  async function publishOwner(): Promise<void> {
    if (await publisher.publishOwner()) await end("lost");
  }

  runTimer.start(limits.maxRunMs);
  void read()
    .catch((cause: unknown): RunEnd => {
      if (!ended) {
        onError(new SseBusError("STREAM_FAILED", "The source of a stream threw.", { cause }));
      }
      return "failed";
    })
    .then(end);

  return {
    id,
    done,
    end,
    publishOwner: () => void publishOwner(),
    report: () => ({ channel, bytes: given, startedAt }),
  };
}
