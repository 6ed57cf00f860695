import type { StandardSchema } from "../schema.ts";

/**
 * Where a bus keeps the function that reads live values. A registered symbol: `defineLive` runs in browsers, too,
 * so it imports nothing of the server and finds the server's part through the bus.
 */
export const READ_LIVE: unique symbol = Symbol.for("sse-bus.readLive");

/** A message as a live value's `reduce` gets it: the same fields on the server and in a browser. */
export interface LiveMessage {
  /** The message's position, as `bus.cursor()` writes it. Unique in its log. */
  readonly id: string;
  readonly channel: string;
  readonly event: string;
  /** When the message was stored, in ms since 1970. */
  readonly time: number;
}

/** A value, and the cursor that it is valid at: it includes every message up to there, and none after it. */
export interface LiveSnapshot<Value> {
  readonly value: Value;
  readonly cursor: string;
}

/** Checks data before it is reduced: a synchronous Standard Schema, or a function that narrows the type. */
export type LiveValidator<Data> =
  // oxlint-disable-next-line typescript/no-explicit-any -- any input: what the log keeps is checked
  StandardSchema<any, Data> | ((data: unknown) => data is Data);

/** A live value without its types: what its fold needs. */
export interface LiveDefinition {
  readonly channel: string;
  readonly event: string | undefined;
  readonly initial: unknown;
  readonly reduce: (value: never, data: never, message: LiveMessage) => unknown;
  readonly validate: LiveValidator<unknown> | undefined;
}

/** The part of a bus that `read` uses. */
export interface LiveBus {
  /** Every bus has it. */
  readonly cursor: () => Promise<string>;
  readonly [READ_LIVE]?: (live: LiveDefinition) => Promise<LiveSnapshot<unknown>>;
}
