import type { LiveMessage } from "../core/live/live-types.ts";

/**
 * A reducer whose value depends on the data of its channel. `Kind` says how ({@link ReadyValue}), and `Own` is
 * the data that the reducer itself names, if it does.
 */
export interface ReadyReducer<Kind, Own = unknown> {
  // oxlint-disable-next-line typescript/no-explicit-any -- the channel decides on the data
  (value: any, data: any, message: LiveMessage): any;
  /** The value before the first message. */
  readonly initial: unknown;
  /** Exists only as a type. */
  readonly "~kind"?: Kind;
  /** Exists only as a type. */
  readonly "~own"?: Own;
}

/** A message with its data, as {@link lastMessages} keeps it. */
export interface LiveEntry<Data> extends LiveMessage {
  readonly data: Data;
}

/** The value of a ready-made reducer on a channel with this data. */
export type ReadyValue<Kind, Data> = Kind extends "newest"
  ? Data | undefined
  : Kind extends "byKey"
    ? Readonly<Record<string, NonNullable<Data>>>
    : Kind extends "last"
      ? readonly LiveEntry<Data>[]
      : Kind extends { readonly counters: infer Names extends string }
        ? Readonly<Record<Names, number>>
        : never;
