import type { NewMessage } from "../core/backend.ts";
import type { LogMessage } from "../core/message.ts";
import type { Cursor } from "../core/position.ts";

/** The methods of the process that holds the log, for its workers. */
export interface LogMethods {
  publish: NewMessage;
  publishMany: readonly NewMessage[];
  /** The worker chooses the number that identifies the subscription. */
  subscribe: { readonly topic: string; readonly subscription: number };
  unsubscribe: number;
  /** Reads history, and answers with the first page. The worker chooses the number of the read. */
  read: { readonly topic: string; readonly read: number };
  /** Answers with the next page of a read. */
  readOn: number;
  /** The worker needs no further page of a read. */
  endRead: number;
  cursor: undefined;
}

/** What the process that holds the log sends to a worker. */
export type LogEvent =
  | { readonly message: SentMessage; readonly subscriptions: readonly number[] }
  /** These subscriptions miss messages up to `lost`: the worker had stopped reading. */
  | { readonly lost: number; readonly subscriptions: readonly number[] }
  /** All messages up to here, on all subscriptions of the worker, have been sent before. */
  | { readonly head: Cursor };

/** A message in transit: encoded once, by the process that holds the log. */
export type SentMessage = Omit<LogMessage, "superseded">;

/** A part of the history of a topic, oldest first. */
export interface HistoryPage {
  readonly messages: readonly SentMessage[];
  /** The horizon of the whole history; see `History`. */
  readonly horizon: number;
  /** No further page follows. */
  readonly isLast: boolean;
}
