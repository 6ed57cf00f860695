import { withTimeout } from "../core/timers.ts";

/** Every statement casts its columns to text, so that type parsers of the user's client change nothing. */
export type Row = readonly (string | null)[];

/** The values of `$1`, `$2` …; every statement casts them from text. */
export type StatementValues = readonly (string | null)[];

/** The backend's view of a client library. Every method rejects after `timeoutMs`. */
export interface PostgresDatabase {
  query(text: string, values: StatementValues): Promise<Row[]>;
  /** Runs several statements as one transaction. */
  script(text: string): Promise<void>;
  /** Listens on a separate connection. */
  listen(channel: string, events: ListenEvents): Promise<Listening>;
}

export interface ListenEvents {
  notified(payload: string): void;
  /** The connection is lost for good: call `listen` again. */
  lost(): void;
  /** The connection was lost for a time: notifications may have been missed. */
  resumed(): void;
}

export interface Listening {
  /** Idempotent. */
  close(): Promise<void>;
}

/** A client's rows, as records or arrays. */
export function toRows(rows: readonly object[]): Row[] {
  return rows.map((row) => Object.values(row) as Row);
}

/** The outcome of a request to the server, or a rejection after `ms`. */
export async function answerWithin<T>(
  promise: PromiseLike<T>,
  ms: number,
  what: string,
): Promise<T> {
  return withTimeout(promise, ms, () => new Error(`No answer to ${what} within ${ms} ms.`));
}
