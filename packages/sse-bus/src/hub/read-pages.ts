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
export function createPageReader(options: PageReaderOptions): (topic: string) => Promise<History> {
  const { call, notify, isSubscribed } = options;
  const limit = limitConcurrency(PARALLEL_READS);
  let reads = 0;

  async function readPages(topic: string, isWanted: () => boolean): Promise<History> {
    const messages: LogMessage[] = [];
    const read = reads++;
    let isWhole = false;
    try {
      assertWanted(isWanted);
      for (let method = "read", argument: unknown = { topic, read }; ;) {
        const page = await call<HistoryPage>(method, argument);
        for (const sent of page.messages) messages.push(received(sent));
        isWhole = page.isLast;
        if (isWhole) return { messages, horizon: page.horizon };
        assertWanted(isWanted);
        [method, argument] = ["readOn", read];
      }
    } finally {
      if (!isWhole) notify("endRead", read);
    }
  }

  return shareReads(async (topic) => {
    const wasSubscribed = isSubscribed(topic);
    const isWanted = (): boolean => !wasSubscribed || isSubscribed(topic);
    return limit(async () => readPages(topic, isWanted));
  });
}

function assertWanted(isWanted: () => boolean): void {
  if (isWanted()) return;
  throw new SseBusError("BACKEND_UNAVAILABLE", "Every subscription to the topic has ended.");
}
