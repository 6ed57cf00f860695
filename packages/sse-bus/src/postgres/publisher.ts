import { createPause } from "../backend-shared/pause.ts";
import type { NewMessage, Stored } from "../core/backend.ts";
import { SseBusError } from "../core/errors.ts";
import type { Row } from "./database.ts";
import type { LogFunctions } from "./log-functions.ts";
import { closedError, isEntryError, toBackendError } from "./errors.ts";
import type { PendingTickets } from "./pending-tickets.ts";

/**
 * Publishes in batches, one at a time. Messages published while a commit is written to disk go into
 * the next batch, so the disk's commits per second do not limit throughput. A message whose id is
 * locked by an open transaction is retried separately, and does not delay the others.
 */
export interface PostgresPublisher {
  publish(entry: NewMessage): Promise<Stored>;
  /** Rejects waiting messages. Resolves when the batch being stored has settled. */
  close(): Promise<void>;
}

export interface PostgresPublisherOptions {
  readonly log: LogFunctions;
  readonly tickets: PendingTickets;
  /** How long a message may wait, in ms. */
  readonly timeoutMs: number;
  readonly onStored: (stored: Stored) => void;
}

interface WaitingMessage {
  readonly entry: NewMessage;
  readonly json: string;
  /** By `performance.now()`. */
  readonly deadline: number;
  resolve(stored: Stored): void;
  reject(error: Error): void;
}

const MAX_BATCH = 500;
const MAX_BATCH_CHARS = 1_000_000;
/** Each locked id takes a millisecond of the server's time. */
const MAX_LOCKED_BATCH = 20;
/** The wait between retries, in ms. */
const RETRY_PAUSE_MS = 25;

export function createPublisher(options: PostgresPublisherOptions): PostgresPublisher {
  const { log, tickets, timeoutMs, onStored } = options;
  let queue: WaitingMessage[] = [];
  let locked: WaitingMessage[] = [];
  let sending: Promise<void> | undefined;
  let retrying: Promise<void> | undefined;
  const pause = createPause();
  let isClosed = false;

  async function send(): Promise<void> {
    while (queue.length > 0) {
      const batch = takeBatch(queue, MAX_BATCH);
      queue = queue.slice(batch.length);
      try {
        await store(batch);
      } catch (error) {
        // The server is away, so waiting messages would fail too.
        rejectAll([...batch, ...queue], toBackendError(error, "publish"));
        queue = [];
      }
    }
    // In the same turn as the last check of the queue, so that no message is left waiting.
    sending = undefined;
  }

  /** The oldest first. A message that is still locked goes to the end. */
  async function retry(): Promise<void> {
    while (locked.length > 0) {
      await pause.wait(RETRY_PAUSE_MS);
      const batch = takeBatch(locked, MAX_LOCKED_BATCH);
      locked = locked.slice(batch.length);
      try {
        await store(batch);
      } catch (error) {
        rejectAll([...batch, ...locked], toBackendError(error, "publish"));
        locked = [];
      }
    }
    retrying = undefined;
  }

  async function store(batch: readonly WaitingMessage[]): Promise<void> {
    try {
      const rows = await log.append(`[${batch.map(({ json }) => json).join(",")}]`);
      for (const row of rows) settle(batch[Number(row[0]) - 1] as WaitingMessage, row);
    } catch (error) {
      const [only] = batch;
      if (!isEntryError(error)) throw error;
      if (batch.length === 1) return only?.reject(toBackendError(error, "publish"));
      // One message that cannot be stored must not fail the others.
      for (const each of batch) await store([each]);
    }
  }

  function settle(waiting: WaitingMessage, row: Row): void {
    const [, epoch, seq, time, , duplicate] = row;
    if (seq == null) {
      // The first message with this id still has no position: see pending-tickets.ts.
      if (duplicate === "true") tickets.checkAll();
      return retryLater(waiting);
    }
    const stored = {
      epoch: epoch as string,
      seq: Number(seq),
      time: Number(time),
      channel: waiting.entry.channel,
      duplicate: duplicate === "true",
    };
    onStored(stored);
    waiting.resolve(stored);
  }

  function retryLater(waiting: WaitingMessage): void {
    if (isClosed) return waiting.reject(closedError());
    if (performance.now() > waiting.deadline) {
      return waiting.reject(lockedError(waiting.entry, timeoutMs));
    }
    locked.push(waiting);
    retrying ??= retry();
  }

  return {
    publish(entry) {
      return new Promise((resolve, reject) => {
        if (isClosed) return reject(closedError());
        const { channel, event, key, json: data, id, raw } = entry;
        const json = JSON.stringify({ channel, event, key, data, id, raw });
        const deadline = performance.now() + timeoutMs;
        queue.push({ entry, json, deadline, resolve, reject });
        sending ??= send();
      });
    },
    async close() {
      isClosed = true;
      rejectAll([...queue, ...locked], closedError());
      queue = [];
      locked = [];
      pause.end();
      await Promise.all([sending, retrying]);
    },
  };
}

/** The oldest messages, at most one with each id: of two with one id, the second is the repeat. */
function takeBatch(queue: readonly WaitingMessage[], limit: number): readonly WaitingMessage[] {
  const ids = new Set<string>();
  let chars = 0;
  let count = 0;
  for (const { entry, json } of queue) {
    chars += json.length;
    if (count === limit || (count > 0 && chars > MAX_BATCH_CHARS)) break;
    if (entry.id !== undefined) {
      const name = `${entry.channel} ${entry.id}`;
      if (ids.has(name)) break;
      ids.add(name);
    }
    count++;
  }
  return queue.slice(0, count);
}

function rejectAll(all: readonly WaitingMessage[], error: Error): void {
  for (const { reject } of all) reject(error);
}

function lockedError({ channel }: NewMessage, timeoutMs: number): SseBusError {
  return new SseBusError(
    "BACKEND_UNAVAILABLE",
    `A transaction that is still open after ${timeoutMs} ms (\`timeoutMs\`) has published the same \`id\` on "${channel}": whether this is a repeat depends on how it ends. Publish again with this \`id\`, or end the transaction sooner.`,
  );
}
