import type { ErrorRecord } from "./client-error.ts";
import { compareCursors } from "./cursor.ts";

/**
 * What a tab wants from the hub: a channel or pattern, and where from: a cursor, `latest`,
 * `earliest`, or empty for "from now on"; `null` when the present link already serves it.
 */
export type Wish = readonly [key: string, at: string | null];

/** What the hub tells every tab of its group, the same sequence to all. */
export type HubMessage =
  | HelloMessage
  | BlockMessage
  | { readonly type: "lost"; readonly error: ErrorRecord; readonly retryAt: number }
  /** Refused for good: these channels, or everything. */
  | { readonly type: "refuse"; readonly error: ErrorRecord; readonly keys?: readonly string[] }
  /** Everything that was refused is asked for again. */
  | { readonly type: "retry" }
  /** Nothing new, but the leader lives. */
  | { readonly type: "alive" };

/** `link` serves `keys` with everything after `from`; it has handed over everything until `cursor`. */
export interface HelloMessage {
  readonly type: "hello";
  readonly link: string;
  readonly keys: readonly string[];
  readonly from: string;
  readonly cursor: string;
  /** Where "from now on" starts. */
  readonly head: string;
  /** How long the leader may be silent. */
  readonly silenceMs: number;
  /** The links there are; others are gone. */
  readonly live: readonly string[];
}

/** A message, a `gap` or a `ping` of the stream. */
export interface BlockMessage {
  readonly type: "block";
  readonly link: string;
  readonly cursor: string;
  readonly channel: string;
  readonly event: string;
  readonly data: string;
}

/** Whether only a link of its own can serve a wish from here. */
export function isOwnStart(at: string): boolean {
  return at === "latest" || at === "earliest";
}

/**
 * Whether a link that starts at `from` has everything for a wish from `at`. Across epochs nobody can
 * tell, so it serves, and the subscription is told a gap.
 */
export function attaches(at: string, from: string): boolean {
  if (isOwnStart(at) || isOwnStart(from)) return at === from;
  return !at || (from !== "" && !(compareCursors(from, at) > 0));
}
