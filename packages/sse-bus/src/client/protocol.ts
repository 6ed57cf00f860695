import type { SseClientErrorCode } from "./client-error.ts";
import { compareCursors } from "./cursor.ts";

// Tuples, not objects: names of properties survive minifiers, and these are on every page.

/** An error as it travels between tabs: what `SseBusError` is made with. */
export type ErrorRecord = [
  code: SseClientErrorCode,
  message: string,
  options?: { readonly cause: unknown } | undefined,
];

/**
 * What a hub tells every tab of its group, the same sequence to all. `retry`: what was refused is
 * asked for again; `idle`: nothing is wished any more.
 */
export type HubMessage = HelloMessage | BlockMessage | TroubleMessage | ["retry"] | ["idle"];

/** `keys` are served with everything after `from`; everything until `cursor` has been handed over. */
export type HelloMessage = [
  type: "hello",
  keys: readonly string[],
  from: string,
  cursor: string,
  /** Where "from now on" starts. */
  head: string,
  /** How long the leader may be silent. */
  silenceMs: number,
];

/** A message, a `gap` or a `ping` of the stream. */
export type BlockMessage = [
  type: "block",
  cursor: string,
  channel: string,
  event: string,
  data: string,
];

/** The line was lost, and when it is tried again; or these channels, else all, were refused for good. */
export type TroubleMessage =
  | [type: "lost", error: ErrorRecord, retryAt: number]
  | [type: "refuse", error: ErrorRecord, keys?: readonly string[]];

/**
 * Whether a link that starts at `from` has everything for a subscription at `at`. Across epochs
 * nobody can tell, so it serves, and the subscription is told a gap.
 */
export function attaches(at: string, from: string): boolean {
  const areCursors = at.includes("-") && from.includes("-");
  return !at || at === from || (areCursors && !(compareCursors(from, at) > 0));
}
