import type { Backend } from "../core/backend.ts";
import { SseBusError } from "../core/errors.ts";
import type { LogMessage } from "../core/message.ts";
import { nextTurn } from "../core/slices.ts";
import type { HistoryPage, LogMethods } from "./log-protocol.ts";
import { MESSAGE_BYTES, withoutState } from "./sent-message.ts";

/**
 * The history that a worker reads, in pages: all of it in one frame would hold up this process while it
 * is encoded, and the worker while it is decoded.
 */
export interface HistoryReads {
  read(argument: LogMethods["read"]): Promise<HistoryPage>;
  readOn(read: number): Promise<HistoryPage>;
  endRead(read: number): void;
  close(): void;
}

export interface HistoryReadsOptions {
  readonly backend: Backend;
  /** History was read: what happened before must be sent before. */
  readonly onRead: () => void;
  /** Resolves when the worker has little to read. */
  readonly untilWritable: () => Promise<void>;
}

interface Read {
  messages: readonly LogMessage[];
  horizon: number;
  /** Index of the first message that was not sent. */
  next: number;
}

/** Bytes of one page: a few milliseconds of work for both processes. */
const PAGE_BYTES = 262_144;

export function createHistoryReads(options: HistoryReadsOptions): HistoryReads {
  const { backend, onRead, untilWritable } = options;
  const reads = new Map<number, Read>();

  /** One page per turn of the event loop, however many reads are under way. */
  async function nextPage(number: number): Promise<HistoryPage> {
    await untilWritable();
    await nextTurn();
    const read = reads.get(number);
    if (!read) throw new SseBusError("BACKEND_UNAVAILABLE", "The worker has ended this read.");
    const page = takePage(read);
    if (page.isLast) reads.delete(number);
    return page;
  }

  return {
    async read({ topic, read: number }) {
      const read: Read = { messages: [], horizon: 0, next: 0 };
      reads.set(number, read);
      try {
        ({ messages: read.messages, horizon: read.horizon } = await backend.read(topic));
      } catch (error) {
        reads.delete(number);
        throw error;
      }
      onRead();
      return nextPage(number);
    },
    readOn: nextPage,
    endRead: (number) => void reads.delete(number),
    close: () => reads.clear(),
  };
}

function takePage(read: Read): HistoryPage {
  const page: LogMessage[] = [];
  for (let bytes = 0; read.next < read.messages.length && bytes < PAGE_BYTES; read.next++) {
    const message = read.messages[read.next] as LogMessage;
    bytes += message.frame.length + MESSAGE_BYTES;
    page.push(message);
  }
  const isLast = read.next === read.messages.length;
  return { messages: page.map(withoutState), horizon: read.horizon, isLast };
}
