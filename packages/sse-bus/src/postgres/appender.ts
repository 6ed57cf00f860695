import type { PublishEntry, Stored } from "../core/backend.ts";
import type { Row } from "./database.ts";
import type { Log } from "./log.ts";
import { closedError, isStatementError, toBackendError } from "./postgres-error.ts";

/**
 * Publishes by itself, one batch at a time: what is published while a commit is on its way to the
 * disk goes with the next one, so throughput does not end at the disk's commits a second.
 */
export interface Appender {
  append(entry: PublishEntry): Promise<Stored>;
  /** Refuses what is not under way; resolves once the rest has settled. */
  close(): Promise<void>;
}

interface Waiting {
  readonly id: string | undefined;
  readonly json: string;
  resolve(stored: Stored): void;
  reject(error: Error): void;
}

const MAX_BATCH = 500;
const MAX_BATCH_CHARS = 1_000_000;

export function createAppender(log: Log, onStored: (stored: Stored) => void): Appender {
  let queue: Waiting[] = [];
  let sending: Promise<void> | undefined;
  let isClosed = false;

  async function send(): Promise<void> {
    while (queue.length > 0) {
      const batch = takeBatch(queue);
      queue = queue.slice(batch.length);
      try {
        await store(batch);
      } catch (error) {
        // The server is away: those who wait would wait in vain.
        for (const { reject } of [...batch, ...queue]) reject(toBackendError(error, "publish"));
        queue = [];
      }
    }
    // In the turn that found the queue empty, or what comes in between would wait for nobody.
    sending = undefined;
  }

  async function store(batch: readonly Waiting[]): Promise<void> {
    try {
      const rows = await log.append(`[${batch.map(({ json }) => json).join(",")}]`);
      for (const row of rows) settle(batch[Number(row[0]) - 1] as Waiting, row);
    } catch (error) {
      if (!isStatementError(error)) throw error;
      const [only] = batch;
      if (batch.length === 1) return only?.reject(toBackendError(error, "publish"));
      // One that cannot be stored must not take the others with it.
      for (const each of batch) await store([each]);
    }
  }

  function settle({ resolve }: Waiting, row: Row): void {
    const stored = parseStored(row);
    onStored(stored);
    resolve(stored);
  }

  return {
    append(entry) {
      return new Promise((resolve, reject) => {
        if (isClosed) return reject(closedError());
        const { channel, event, key, json: data, id } = entry;
        const json = JSON.stringify({ channel, event, key, data, id });
        queue.push({ id, json, resolve, reject });
        sending ??= send();
      });
    },
    async close() {
      isClosed = true;
      for (const { reject } of queue) reject(closedError());
      queue = [];
      await sending;
    },
  };
}

/** The oldest that go together: an id at most once, so that one of them is the first. */
function takeBatch(queue: readonly Waiting[]): readonly Waiting[] {
  const ids = new Set<string>();
  let chars = 0;
  let count = 0;
  for (const { id, json } of queue) {
    chars += json.length;
    if (count === MAX_BATCH || (count > 0 && chars > MAX_BATCH_CHARS)) break;
    if (id !== undefined && ids.has(id)) break;
    if (id !== undefined) ids.add(id);
    count++;
  }
  return queue.slice(0, count);
}

function parseStored([, epoch, seq, time, channel, duplicate]: Row): Stored {
  return {
    epoch: epoch as string,
    seq: Number(seq),
    time: Number(time),
    channel: channel as string,
    duplicate: duplicate === "true",
  };
}
