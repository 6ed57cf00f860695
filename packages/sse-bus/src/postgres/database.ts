import { startTimeout } from "../core/timers.ts";

/** Every statement casts what it selects to text, so that no parser a user has set changes it. */
export type Row = readonly (string | null)[];

/** Values of `$1`, `$2` …; every statement casts them from text. */
export type Values = readonly (string | null)[];

/** What the backend needs of a client library. All of it gives up after `timeoutMs`. */
export interface Database {
  query(text: string, values: Values): Promise<Row[]>;
  /** Runs several statements as one transaction. */
  script(text: string): Promise<void>;
  /** Listens on a connection of its own. */
  listen(channel: string, events: ListenEvents): Promise<Listening>;
}

export interface ListenEvents {
  notified(payload: string): void;
  /** The connection is gone for good: listen again. */
  lost(): void;
  /** The connection was gone for a while: notifications may have been missed. */
  resumed(): void;
}

export interface Listening {
  /** Idempotent. */
  close(): Promise<void>;
}

/** Rows as they come from a client, as records or arrays. */
export function toRows(rows: readonly object[]): Row[] {
  return rows.map((row) => Object.values(row) as Row);
}

/** Rejects when `promise` takes longer than `ms`; what it does later is nobody's business. */
export async function within<T>(promise: PromiseLike<T>, ms: number, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = startTimeout(() => reject(new Error(`No answer to ${what} within ${ms} ms.`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
