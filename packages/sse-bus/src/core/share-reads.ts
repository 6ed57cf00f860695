import type { History } from "./backend.ts";
import { shareCalls } from "./share-calls.ts";

type ReadHistory = (topic: string) => Promise<History>;

/**
 * Shares the reads of a topic among all callers that ask while one is running. Each caller gets the
 * answer to a read that started after it asked.
 */
export function shareReads(read: ReadHistory): ReadHistory {
  const shared = new Map<string, { readonly call: () => Promise<History>; callers: number }>();
  return async (topic) => {
    let entry = shared.get(topic);
    if (!entry) {
      entry = { call: shareCalls(async () => read(topic)), callers: 0 };
      shared.set(topic, entry);
    }
    entry.callers++;
    try {
      return await entry.call();
    } finally {
      if (--entry.callers === 0) shared.delete(topic);
    }
  };
}
