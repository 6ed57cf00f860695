import type { Gap } from "../core/packet.ts";
import type { SseClientError } from "./client-error.ts";
import { compareCursors, olderCursor, time } from "./cursor.ts";
import {
  attaches,
  type BlockMessage,
  type ErrorRecord,
  type HelloMessage,
  type Wish,
} from "./protocol.ts";

/** A message as listeners get it. */
export interface ReceivedMessage {
  readonly id: string;
  readonly channel: string;
  readonly event: string;
  readonly data: unknown;
  readonly time: number;
}

/** One call of `subscribe`. */
export interface Subscription {
  /** Channel or pattern. */
  readonly key: string;
  readonly covers: (channel: string) => boolean;
  readonly onMessage?: (message: ReceivedMessage) => void;
  readonly onGap?: ((gap: Gap) => void) | undefined;
  readonly onChange?: () => void;
  /** What it has been handed, or where it starts; empty for "from now on". */
  cursor: string;
  /** Whether the stream serves it; undefined while it never did. */
  live?: boolean;
  /** Why the server refused its channel. */
  error?: SseClientError | undefined;
}

/** Calls a user's function; what it throws harms nobody else. */
export type Call = (listener: (() => void) | undefined) => void;

/** The stream serves what `hello` says. */
export function attach(
  all: Iterable<Subscription>,
  [, keys, from, cursor, head]: HelloMessage,
  call: Call,
): void {
  for (const one of [...all]) {
    const at = one.cursor;
    if (!keys.includes(one.key) || !attaches(at, from)) {
      one.live &&= false;
      continue;
    }
    one.live = true;
    if (!at.includes("-")) {
      one.cursor = at ? cursor : head;
    } else if (!(compareCursors(from, at) <= 0)) {
      one.cursor = cursor;
      call(() => one.onGap?.({ channels: [one.key], reason: "restarted" }));
    }
    call(one.onChange);
  }
}

/** Hands a block to whom it concerns. */
export function deliver(
  all: ReadonlySet<Subscription>,
  [, cursor, channel, event, data]: BlockMessage,
  call: Call,
  report: (...error: ErrorRecord) => void,
): void {
  let due: Subscription[] = [];
  const findDue = (isAhead?: boolean): void => {
    due = [...all].filter(
      (one) => one.live && (isAhead || !(compareCursors(cursor, one.cursor) <= 0)),
    );
  };
  findDue();
  try {
    if (event === "gap") {
      const gap: Gap = JSON.parse(data);
      // The log has lost what these cursors had reached: they go back to where it stands.
      findDue(gap.reason === "ahead");
      for (const { covers, onGap } of due) if (gap.channels.some(covers)) call(() => onGap?.(gap));
    } else if (event !== "ping") {
      const concerned = due.filter((one) => one.onMessage && one.covers(channel));
      if (concerned.length) {
        const message = { id: cursor, channel, event, data: JSON.parse(data), time: time(cursor) };
        for (const one of concerned) {
          // An earlier listener may have ended this subscription.
          if (all.has(one)) call(() => one.onMessage?.(message));
        }
      }
    }
  } catch (error) {
    report("INVALID_MESSAGE", `${cursor}: ${error}`);
  }
  // Last: a cursor passes a message only after its listeners ran.
  for (const one of due) one.cursor = cursor;
}

/** All that these subscriptions wish, and these channels with them. */
export function wishOf(all: Iterable<Subscription>, channels: readonly string[]): Wish {
  const keys = new Set(channels);
  let from: string | null = null;
  for (const { key, live, cursor, error } of all) {
    if (error) continue;
    keys.add(key);
    if (!live) from = olderCursor(from ?? "", cursor);
  }
  return [[...keys], from];
}
