import { createPause } from "../backend-shared/pause.ts";
import { createWriteQueue, type Write, type WriteQueue } from "../backend-shared/write-queue.ts";
import type { NewMessage, Stored } from "../core/backend.ts";
import { SseBusError } from "../core/errors.ts";
import type { Row } from "./database.ts";
import type { LogFunctions } from "./log-functions.ts";
import { closedError, isEntryError, isLockedId, toBackendError } from "./errors.ts";
import type { PendingTickets } from "./pending-tickets.ts";

/**
 * Publishes with one call at a time. Messages published while a commit is written to disk go into the next
 * call, so the disk's commits per second do not limit throughput. A message whose id is locked by an open
 * transaction is retried separately, and does not delay the others.
 */
export interface PostgresPublisher {
  /** Publishes all messages or none. */
  publish(messages: readonly NewMessage[]): Promise<readonly Stored[]>;
  /** Rejects waiting messages. Resolves when the call under way has settled. */
  close(): Promise<void>;
}

export interface PostgresPublisherOptions {
  readonly log: LogFunctions;
  readonly tickets: PendingTickets;
  /** How long a message may wait, in ms. */
  readonly timeoutMs: number;
  readonly onStored: (newest: Stored) => void;
}

interface PostgresWrite extends Write {
  /** The messages as JSON, without those that repeat the id of an earlier one. */
  readonly entries: readonly string[];
  /** For each message, its entry. */
  readonly places: readonly number[];
  /** Channels with the ids on them. */
  readonly names: readonly string[];
  /** By `performance.now()`. */
  readonly deadline: number;
}

/** Each locked id takes a millisecond of the server's time. */
const MAX_LOCKED_MESSAGES = 20;
/** The wait between retries, in ms. */
const RETRY_PAUSE_MS = 25;

export function createPublisher(options: PostgresPublisherOptions): PostgresPublisher {
  const { log, tickets, timeoutMs, onStored } = options;
  const queue = createQueue(undefined);
  const retries = createQueue(MAX_LOCKED_MESSAGES);
  const pause = createPause();
  let locked: PostgresWrite[] = [];
  let isClosed = false;

  function createQueue(maxMessages: number | undefined): WriteQueue<PostgresWrite> {
    return createWriteQueue<PostgresWrite>({
      // A second call would wait for the lock that the first one holds.
      maxCalls: 1,
      maxMessages,
      store,
      isOwnFault: (error) => isEntryError(error) || isLockedId(error),
      toError: (error) => toBackendError(error, "publish"),
    });
  }

  async function store(writes: readonly PostgresWrite[]): Promise<void> {
    const entries = `[${writes.flatMap((write) => write.entries).join(",")}]`;
    // A batch with a locked id must not be stored without it.
    const isWhole = writes.some(({ entries, names }) => entries.length > 1 && names.length > 0);
    let rows: Row[];
    try {
      rows = await (isWhole ? log.appendWhole(entries) : log.append(entries));
    } catch (error) {
      const [only] = writes;
      if (!only || writes.length > 1 || !isLockedId(error)) throw error;
      tickets.checkAll();
      return retryLater(only);
    }
    let start = 0;
    for (const write of writes) {
      const end = start + write.entries.length;
      settle(write, rows.slice(start, end));
      start = end;
    }
  }

  function settle(write: PostgresWrite, rows: readonly Row[]): void {
    const isLocked = rows.some(([, , seq]) => seq == null);
    if (isLocked) {
      // The first message with this id still has no position: see pending-tickets.ts.
      if (rows.some(([, , , , duplicate]) => duplicate === "true")) tickets.checkAll();
      return retryLater(write);
    }
    const given = new Set<number>();
    const stored = write.messages.map(({ channel }, index) => {
      const place = write.places[index] as number;
      const [, epoch, seq, time, duplicate] = rows[place] as Row;
      const isRepeat = given.has(place);
      given.add(place);
      return {
        epoch: epoch as string,
        seq: Number(seq),
        time: Number(time),
        channel,
        duplicate: isRepeat || duplicate === "true",
      };
    });
    onStored(stored.findLast(({ duplicate }) => !duplicate) ?? (stored[0] as Stored));
    write.resolve(stored);
  }

  function retryLater(write: PostgresWrite): void {
    if (isClosed) return write.reject(closedError());
    if (performance.now() > write.deadline) {
      return write.reject(lockedError(write.messages[0] as NewMessage, timeoutMs));
    }
    // The oldest first. One that is still locked goes to the end.
    if (locked.push(write) > 1) return;
    void pause.wait(RETRY_PAUSE_MS).then(() => {
      for (const each of locked.splice(0)) retries.add(each);
    });
  }

  return {
    publish(messages) {
      return new Promise((resolve, reject) => {
        if (isClosed) return reject(closedError());
        const deadline = performance.now() + timeoutMs;
        queue.add({ messages, ...toEntries(messages), deadline, resolve, reject });
      });
    },
    async close() {
      isClosed = true;
      for (const { reject } of locked) reject(closedError());
      locked = [];
      pause.end();
      await Promise.all([queue.close(closedError()), retries.close(closedError())]);
    },
  };
}

/** The server takes each id of a channel once in a call: of two messages with one id, the second is the repeat. */
function toEntries(
  messages: readonly NewMessage[],
): Pick<PostgresWrite, "entries" | "places" | "names" | "chars"> {
  const entries: string[] = [];
  const ids = new Map<string, number>();
  let chars = 0;
  const places = messages.map(({ channel, event, key, json: data, id, raw }) => {
    const name = id === undefined ? undefined : `${channel} ${id}`;
    const first = name === undefined ? undefined : ids.get(name);
    if (first !== undefined) return first;
    if (name !== undefined) ids.set(name, entries.length);
    const entry = JSON.stringify({ channel, event, key, data, id, raw });
    chars += entry.length;
    return entries.push(entry) - 1;
  });
  return { entries, places, names: [...ids.keys()], chars };
}

function lockedError({ channel }: NewMessage, timeoutMs: number): SseBusError {
  return new SseBusError(
    "BACKEND_UNAVAILABLE",
    `A transaction that is still open after ${timeoutMs} ms (\`timeoutMs\`) has published the same \`id\` on "${channel}": whether this is a repeat depends on how it ends. Publish again with this \`id\`, or end the transaction sooner.`,
  );
}
