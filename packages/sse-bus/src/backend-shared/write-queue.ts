import type { NewMessage, Stored } from "../core/backend.ts";

/** Messages that are stored together: one, or a batch of which all are stored or none. */
export interface Write {
  readonly messages: readonly NewMessage[];
  /** Their size in characters. */
  readonly chars: number;
  /** Names that a call to the server may have only once. */
  readonly names?: readonly string[];
  resolve(stored: readonly Stored[]): void;
  reject(error: Error): void;
}

export interface WriteQueueOptions<W extends Write> {
  /** How many calls to the server may be under way at once. */
  readonly maxCalls: number;
  /** How many messages a call may have, unless a single write has more. @default 500 */
  readonly maxMessages?: number | undefined;
  /**
   * Stores these in one call, and settles them. It rejects if none of them is stored, or if nobody knows; then the
   * queue settles them.
   */
  store(writes: readonly W[]): Promise<void>;
  /** Whether only a write of the call is the reason: the others may succeed without it. */
  isOwnFault(error: unknown): boolean;
  /** The error that a publisher gets. */
  toError(error: unknown): Error;
}

/**
 * Groups writes while others are under way, so that many of them take one call to the server. A write that
 * is alone is sent in its own turn. The order of writes is kept, except for those that shared a call with one that
 * cannot be stored: they are sent again.
 */
export interface WriteQueue<W extends Write> {
  add(write: W): void;
  /** Takes back what was not sent. Resolves when the calls under way have settled. */
  close(reason: Error): Promise<void>;
}

const NONE: readonly string[] = [];
/** The size of one call, unless a single write is larger. */
const MAX_CALL_CHARS = 1_000_000;

export function createWriteQueue<W extends Write>(options: WriteQueueOptions<W>): WriteQueue<W> {
  const { maxCalls, maxMessages = 500, store, isOwnFault, toError } = options;
  const waiting: W[] = [];
  let isScheduled = false;
  const calls = new Set<Promise<void>>();

  function schedule(): void {
    if (isScheduled || calls.size >= maxCalls || waiting.length === 0) return;
    isScheduled = true;
    // Writes of one turn go together.
    queueMicrotask(send);
  }

  function send(): void {
    isScheduled = false;
    while (waiting.length > 0 && calls.size < maxCalls) {
      const writes = takeCall();
      const call = storeAll(writes).then(() => {
        calls.delete(call);
        schedule();
      });
      calls.add(call);
    }
  }

  function takeCall(): readonly W[] {
    const taken = new Set<string>();
    let chars = 0;
    let messages = 0;
    let count = 0;
    for (const write of waiting) {
      const { names = NONE } = write;
      chars += write.chars;
      messages += write.messages.length;
      const isFull = messages > maxMessages || chars > MAX_CALL_CHARS;
      if (count > 0 && (isFull || names.some((name) => taken.has(name)))) break;
      for (const name of names) taken.add(name);
      count++;
    }
    return waiting.splice(0, count);
  }

  async function storeAll(writes: readonly W[]): Promise<void> {
    try {
      await store(writes);
    } catch (error) {
      if (!isOwnFault(error)) {
        // The server cannot be reached or takes no writes: those that wait would only fail later.
        rejectAll([...writes, ...waiting.splice(0)], toError(error));
      } else if (writes.length === 1) {
        rejectAll(writes, toError(error));
      } else {
        // One that cannot be stored must not fail the others.
        for (const write of writes) await storeAll([write]);
      }
    }
  }

  return {
    add(write) {
      waiting.push(write);
      schedule();
    },
    async close(reason) {
      rejectAll(waiting.splice(0), reason);
      await Promise.all(calls);
    },
  };
}

function rejectAll(writes: readonly Write[], error: Error): void {
  for (const { reject } of writes) reject(error);
}
