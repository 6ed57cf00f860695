import { pollingBackend, type SharedLog } from "../../src/core/polling-backend.ts";
import type { Backend } from "../../src/core/backend.ts";

/** A log in this process that several buses share, each on a backend of its own. */
export interface ArrayLog {
  connect(): Backend;
  /** Everything is deleted, the epoch too. */
  loseData(): void;
}

export function createArrayLog(): ArrayLog {
  let epochs = 1;
  let entries: string[] = [];
  const log: SharedLog = {
    name: "array",
    after: async (seq) => ({ epoch: `e${epochs}`, entries: entries.slice(seq) }),
    async append(epoch, seq, entry) {
      if (epoch !== `e${epochs}` || seq !== entries.length + 1) return false;
      entries.push(entry);
      return true;
    },
  };
  return {
    connect: () => pollingBackend(log, { pollMs: 2 }),
    loseData() {
      epochs++;
      entries = [];
    },
  };
}
