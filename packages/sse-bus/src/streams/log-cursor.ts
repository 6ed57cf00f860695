import { resumeReader } from "../core/deliver.ts";
import { closeReader, type Engine } from "../core/engine.ts";
import { SseBusError } from "../core/errors.ts";
import { openReader } from "../core/open-reader.ts";
import type { Packet } from "../core/packet.ts";

/** A reader of the log that is asked for each packet: what nobody asked for stays in the log. */
export interface LogCursor {
  /**
   * The next packet; undefined once the cursor is closed. One call at a time.
   *
   * @throws SseBusError `BUS_CLOSED`
   */
  next(): Promise<Packet | undefined>;
  /** Idempotent. */
  close(): void;
}

/** Packets that wait: while a message arrives, the one before may still be on its way to the client. */
const MAX_WAITING = 4;

/**
 * Reads channels from now on, in the order of the log.
 *
 * @throws SseBusError `BACKEND_UNAVAILABLE`, `BUS_CLOSED`
 */
export async function openLogCursor(engine: Engine, topics: readonly string[]): Promise<LogCursor> {
  const waiting: Packet[] = [];
  let isClosed = false;
  let failure: Error | undefined;
  let notify = (): void => {};

  const { reader } = await openReader(engine, {
    topics,
    start: "now",
    sink: {
      write(packet) {
        waiting.push(packet);
        notify();
        return waiting.length < MAX_WAITING;
      },
      end() {
        failure ??= new SseBusError("BUS_CLOSED", "The bus was closed.");
        notify();
      },
    },
    isLocal: true,
    isReady: true,
  });

  return {
    async next() {
      while (waiting.length === 0) {
        if (isClosed) return undefined;
        if (failure) throw failure;
        const waited = new Promise<void>((resolve) => {
          notify = resolve;
        });
        resumeReader(reader);
        if (waiting.length === 0) await waited;
      }
      return waiting.shift();
    },
    close() {
      isClosed = true;
      waiting.length = 0;
      closeReader(engine, reader);
      notify();
    },
  };
}
