import type { NewMessage } from "../core/backend.ts";
import type { LogMessage } from "../core/message.ts";
import type { Cursor } from "../core/position.ts";

/** What a worker asks of the process that holds the log. */
export interface LogMethods {
  publish: NewMessage;
  /** The worker chooses the number under which the subscription's messages come. */
  subscribe: { readonly topic: string; readonly subscription: number };
  unsubscribe: number;
  read: string;
  cursor: undefined;
}

/** What the process that holds the log tells a worker. */
export type LogNews =
  | { readonly message: SentMessage; readonly subscriptions: readonly number[] }
  /** Messages up to `lost` did not reach these subscriptions: the worker had stopped taking them. */
  | { readonly lost: number; readonly subscriptions: readonly number[] }
  /** Everything up to here, on all of the worker's subscriptions, has been sent before. */
  | { readonly head: Cursor };

/** A message on its way: encoded once, by the process that holds the log. */
export type SentMessage = Omit<LogMessage, "superseded">;
