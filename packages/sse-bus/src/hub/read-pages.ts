import { limitConcurrency } from "../backend-shared/limit-concurrency.ts";
import type { History } from "../core/backend.ts";
import { SseBusError } from "../core/errors.ts";
import type { LogMessage } from "../core/message.ts";
import { shareReads } from "../core/share-reads.ts";
import type { HistoryPage } from "./log-protocol.ts";
import type { Rpc } from "./rpc.ts";
import { received } from "./sent-message.ts";

export interface PageReaderOptions {
  readonly call: Rpc["call"];
  readonly notify: Rpc["notify"];
  /** A subscription of this process needs the topic. */
  readonly isSubscribed: (topic: string) => boolean;
}

/** The process that holds the log keeps the history of each read until its last page is sent. */
const PARALLEL_READS = 4;

/**
 * Reads history from the process that holds the log, page by page; see `createHistoryReads`. A read
 * whose subscriptions have ended stops, because its history would be dropped.
 */
export interface PageReader {
  read(topic: string): Promise<History>;
  /** Call it when a subscription to the topic has ended. */
  endUnwanted(topic: string): void;
}

/** A read that is under way. */
interface RunningRead {
  readonly topic: string;
  readonly isWanted: () => boolean;
  /** Rejects when the read is not wanted any more. */
  readonly ended: Promise<never>;
  readonly end: (error: Error) => void;
}

export function createPageReader(options: PageReaderOptions): PageReader {
  const { call, notify, isSubscribed } = options;
  const limit = limitConcurrency(PARALLEL_READS);
  const running = new Set<RunningRead>();
  let reads = 0;

  async function readPages(topic: string, isWanted: () => boolean): Promise<History> {
    if (!isWanted()) throw unwanted();
    const own = startRead(topic, isWanted);
    const messages: LogMessage[] = [];
    const read = reads++;
    let isWhole = false;
    running.add(own);
    try {
      for (let method = "read", argument: unknown = { topic, read }; ;) {
        const page = await Promise.race([call<HistoryPage>(method, argument), own.ended]);
        for (const sent of page.messages) messages.push(received(sent));
        isWhole = page.isLast;
        if (isWhole) return { messages, horizon: page.horizon };
        [method, argument] = ["readOn", read];
      }
    } finally {
      running.delete(own);
      if (!isWhole) notify("endRead", read);
    }
  }

  return {
    read: shareReads(async (topic) => {
      const wasSubscribed = isSubscribed(topic);
      const isWanted = (): boolean => !wasSubscribed || isSubscribed(topic);
      return limit(async () => readPages(topic, isWanted));
    }),
    endUnwanted(topic) {
      for (const read of running) {
        if (read.topic === topic && !read.isWanted()) read.end(unwanted());
      }
    },
  };
}

function startRead(topic: string, isWanted: () => boolean): RunningRead {
  let end!: (error: Error) => void;
  const ended = new Promise<never>((_, reject) => {
    end = reject;
  });
  // It may end while the read does not wait for it.
  ended.catch(() => {});
  return { topic, isWanted, ended, end };
}

function unwanted(): SseBusError {
  return new SseBusError("BACKEND_UNAVAILABLE", "Every subscription to the topic has ended.");
}
