import type { Gap } from "../core/packet.ts";
import type { SseClientError } from "./client-error.ts";
import { compareCursors, numberIn } from "./cursor.ts";
import { attaches, type BlockMessage, type ErrorRecord, type HelloMessage } from "./protocol.ts";

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
  readonly covers: RegExp;
  /** The only event it wants; by this name alone does one get the `ping`s. */
  readonly event: string | undefined;
  readonly onMessage: (data: unknown, message: ReceivedMessage) => void;
  readonly onGap: ((gap: Gap) => void) | undefined;
  readonly onChange: () => void;
  /** What it has been handed, or where it starts; empty for "from now on". */
  cursor: string;
  /** Whether a stream serves it; undefined while none ever did. */
  live?: boolean;
  /** Which stream that is, or which has refused it. */
  lane?: number;
  /** Why the server refused its channel. */
  error?: SseClientError | undefined;
}

/** Calls a user's function; what it throws harms nobody else. */
export type Call = (listener: (() => void) | undefined) => void;

/** The stream of a lane serves what `hello` says. */
export function attach(
  all: Iterable<Subscription>,
  lane: number,
  [, keys, from, cursor, head]: HelloMessage,
  call: Call,
): void {
  for (const one of all) {
    // A stream may still carry for a moment what another one serves now.
    if (one.live && one.lane !== lane) continue;
    const at = one.cursor;
    if (!keys.includes(one.key) || !attaches(at, from)) {
      one.live &&= false;
      continue;
    }
    one.live = true;
    one.lane = lane;
    if (!at.includes("-")) {
      one.cursor = at ? cursor : head;
    } else if (!(compareCursors(from, at) <= 0) && !(compareCursors(head, at) >= 0)) {
      // Of another epoch than the log. Where only `from` is, this one has passed what is now repeated.
      one.cursor = cursor;
      call(() => one.onGap?.({ channels: [one.key], reason: "restarted" }));
    }
    call(one.onChange);
  }
}

/** Hands a block of a lane's stream to whom it concerns: it says nothing of what other streams bring. */
export function deliver(
  all: ReadonlySet<Subscription>,
  lane: number,
  [, cursor, channel, event, data]: BlockMessage,
  call: Call,
  report: (...error: ErrorRecord) => void,
): void {
  const live = [...all].filter((one) => one.live && one.lane === lane);
  let due = live.filter((one) => !(compareCursors(cursor, one.cursor) <= 0));
  try {
    if (event === "gap") {
      const gap: Gap = JSON.parse(data);
      // The log has lost what these cursors had reached: they go back to where it stands.
      if (gap.reason === "ahead") due = live;
      // Its place tells where the stream stands, not up to where messages are missing: for a
      // subscription ahead of it, too, something may be.
      for (const { covers, onGap } of live) {
        if (gap.channels.some((name) => covers.test(name))) call(() => onGap?.(gap));
      }
    } else {
      const concerned =
        event === "ping"
          ? live.filter((one) => one.event === event)
          : due.filter((one) => (one.event ?? event) === event && one.covers.test(channel));
      if (concerned.length) {
        const message = {
          id: cursor,
          channel,
          event,
          data: JSON.parse(data),
          time: numberIn(cursor),
        };
        for (const one of concerned) {
          // An earlier listener may have ended this subscription.
          if (all.has(one)) call(() => one.onMessage(message.data, message));
        }
      }
    }
  } catch (error) {
    report("INVALID_MESSAGE", String(error));
  }
  // Last: a cursor passes a message only after its listeners ran.
  for (const one of due) one.cursor = cursor;
}
