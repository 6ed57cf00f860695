import type { NewMessage } from "../core/backend.ts";
import type { LogMessage } from "../core/message.ts";
import type { Cursor } from "../core/position.ts";

/** The methods of the process that holds the log, for its workers. */
export interface LogMethods {
  publish: NewMessage;
  /** The worker chooses the number that identifies the subscription. */
  subscribe: { readonly topic: string; readonly subscription: number };
  unsubscribe: number;
  read: string;
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
