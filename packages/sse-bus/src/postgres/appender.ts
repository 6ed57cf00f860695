import type { NewMessage, Stored } from "../core/backend.ts";
import { SseBusError } from "../core/errors.ts";
import type { Row } from "./database.ts";
import type { Log } from "./log.ts";
import { closedError, isEntryError, toBackendError } from "./postgres-error.ts";
import type { Tickets } from "./tickets.ts";
import { startTimeout } from "../core/timers.ts";

/**
 * Publishes by itself, one batch at a time: what is published while a commit is on its way to the
 * disk goes with the next one, so throughput does not end at the disk's commits a second. A message
 * whose id an open transaction holds is set aside and tried again, and holds nobody up.
 */
export interface Appender {
  append(entry: NewMessage): Promise<Stored>;
  /** Refuses what is not under way; resolves once the rest has settled. */
  close(): Promise<void>;
}

export interface AppenderOptions {
  readonly log: Log;
  readonly tickets: Tickets;
  /** How long a message may wait, in ms. */
  readonly timeoutMs: number;
  readonly onStored: (stored: Stored) => void;
}

interface Waiting {
  readonly entry: NewMessage;
  readonly json: string;
  /** By `performance.now()`. */
  readonly deadline: number;
  resolve(stored: Stored): void;
  reject(error: Error): void;
}

const MAX_BATCH = 500;
const MAX_BATCH_CHARS = 1_000_000;
/** Each costs a millisecond of the server's time while it is held. */
const MAX_HELD_BATCH = 20;
/** How long those that are held are left alone, in ms. */
const HELD_PAUSE_MS = 25;

export function createAppender(options: AppenderOptions): Appender {
  const { log, tickets, timeoutMs, onStored } = options;
  let queue: Waiting[] = [];
  let held: Waiting[] = [];
  let sending: Promise<void> | undefined;
  let retrying: Promise<void> | undefined;
  let stopPause = (): void => {};
  let isClosed = false;

  async function send(): Promise<void> {
    while (queue.length > 0) {
      const batch = takeBatch(queue, MAX_BATCH);
      queue = queue.slice(batch.length);
      try {
        await store(batch);
      } catch (error) {
        // The server is away: those who wait would wait in vain.
        refuse([...batch, ...queue], toBackendError(error, "publish"));
        queue = [];
      }
    }
    // In the turn that found the queue empty, or what comes in between would wait for nobody.
    sending = undefined;
  }

  /** The oldest first; who is still held goes to the end, so that each has its turn. */
  async function retry(): Promise<void> {
    while (held.length > 0) {
      await pause();
      const batch = takeBatch(held, MAX_HELD_BATCH);
      held = held.slice(batch.length);
      try {
        await store(batch);
      } catch (error) {
        refuse([...batch, ...held], toBackendError(error, "publish"));
        held = [];
      }
    }
    retrying = undefined;
  }

  async function store(batch: readonly Waiting[]): Promise<void> {
    try {
      const rows = await log.append(`[${batch.map(({ json }) => json).join(",")}]`);
      for (const row of rows) settle(batch[Number(row[0]) - 1] as Waiting, row);
    } catch (error) {
      const [only] = batch;
      if (!isEntryError(error)) throw error;
      if (batch.length === 1) return only?.reject(toBackendError(error, "publish"));
      // One that cannot be stored must not take the others with it.
      for (const each of batch) await store([each]);
    }
  }

  function settle(waiting: Waiting, row: Row): void {
    const [, epoch, seq, time, , duplicate] = row;
    if (seq == null) {
      // A repeat of what has no position took unusually long to commit; see tickets.ts.
      if (duplicate === "true") tickets.lookAtAll();
      return hold(waiting);
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

  function hold(waiting: Waiting): void {
    if (isClosed) return waiting.reject(closedError());
    if (performance.now() > waiting.deadline) {
      return waiting.reject(heldError(waiting.entry, timeoutMs));
    }
    held.push(waiting);
    retrying ??= retry();
  }

  function pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = startTimeout(resolve, HELD_PAUSE_MS);
      stopPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  return {
    append(entry) {
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
      refuse([...queue, ...held], closedError());
      queue = [];
      held = [];
      stopPause();
      await Promise.all([sending, retrying]);
    },
  };
}

/** The oldest that go together: an id of a channel at most once, so that one of them is the first. */
function takeBatch(queue: readonly Waiting[], limit: number): readonly Waiting[] {
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

function refuse(all: readonly Waiting[], error: Error): void {
  for (const { reject } of all) reject(error);
}

function heldError({ channel }: NewMessage, timeoutMs: number): SseBusError {
  return new SseBusError(
    "BACKEND_UNAVAILABLE",
    `A transaction that is still open after ${timeoutMs} ms (\`timeoutMs\`) has published the same \`id\` on "${channel}": whether this is a repeat depends on how it ends. Publish again with this \`id\`, or end the transaction sooner.`,
  );
}
