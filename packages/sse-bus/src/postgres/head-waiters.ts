import type { Cursor } from "../core/position.ts";

/** Callers that wait until the log is delivered up to the head that it had when they asked. */
export interface HeadWaiters {
  add(resolve: (head: Cursor) => void, reject: (error: Error) => void): void;
  /** A read starts. It shows the head for all waiters added before it. */
  readStarted(): void;
  /** The read showed this head of the log, and delivered up to `delivered`. */
  readEnded(logHead: number, delivered: Cursor): void;
  rejectAll(error: Error): void;
}

interface Waiter {
  /** The head to wait for; `undefined` until a read has shown it. */
  until: number | undefined;
  resolve(head: Cursor): void;
  reject(error: Error): void;
}

export function createHeadWaiters(): HeadWaiters {
  /** Added since the last read started, and before that. */
  let added: Waiter[] = [];
  let included: Waiter[] = [];

  return {
    add(resolve, reject) {
      added.push({ until: undefined, resolve, reject });
    },
    readStarted() {
      included = [...included, ...added];
      added = [];
    },
    readEnded(logHead, delivered) {
      const all = included;
      included = [];
      for (const waiter of all) {
        waiter.until ??= logHead;
        if (waiter.until <= delivered.seq) waiter.resolve(delivered);
        else included.push(waiter);
      }
    },
    rejectAll(error) {
      const all = [...included, ...added];
      included = [];
      added = [];
      for (const { reject } of all) reject(error);
    },
  };
}
