import type { Gap } from "../core/packet.ts";
import type { SseClientError } from "./client-error.ts";
import { canStart, hasReached, isPosition, timeOf } from "./cursor.ts";
import type { ErrorRecord, FrameMessage, HelloMessage } from "./protocol.ts";

/** A message as listeners get it. */
export interface ReceivedMessage {
  readonly id: string;
  readonly channel: string;
  readonly event: string;
  readonly data: unknown;
  readonly time: number;
}

/** One call of `subscribe`. */
export interface ClientSubscription {
  /** A channel or a pattern. */
  readonly channel: string;
  readonly covers: RegExp;
  /** The only event it wants. Pings are delivered only to subscriptions that name them. */
  readonly event: string | undefined;
  readonly onMessage: (data: unknown, message: ReceivedMessage) => void;
  readonly onGap: ((gap: Gap) => void) | undefined;
  readonly onChange: () => void;
  /** Up to where it has been served, or where it starts; empty for "from now on". */
  cursor: string;
  state: SubscriptionState;
  /** The lane of the stream that serves it or has refused it. */
  lane?: number;
  /** Why the server refused its channel. */
  error?: SseClientError | undefined;
}

/**
 * - `new`: no stream has served it yet
 * - `served`: the stream of its lane serves it
 * - `lost`: no stream serves it now
 * - `refused`: the server has refused its channel
 * - `ended`: it was unsubscribed
 *
 * ```
 *            hello            loss
 *   new ──────────▶ served ─────────▶ lost
 *    ▲ │ refusal      │ ▲    hello     │
 *    │ ▼              │ └──────────────┘
 *   refused ◀─────────┴── refusal (from lost, too)
 *    retry leads from refused to new, unsubscribing from everywhere to ended
 * ```
 */
export type SubscriptionState = "new" | "served" | "lost" | "refused" | "ended";

/** Calls a function of the user's. An error that it throws must not affect anything else. */
export type Call = (listener: (() => void) | undefined) => void;

/** A stream of this lane has opened: it serves the subscriptions that `hello` covers. */
export function attach(
  subscriptions: Iterable<ClientSubscription>,
  lane: number,
  { channels, from, cursor, head }: HelloMessage,
  call: Call,
): void {
  for (const one of subscriptions) {
    // For a moment, a stream may still carry what another one already serves.
    if (one.state === "served" && one.lane !== lane) continue;
    if (!channels.includes(one.channel) || !canStart(one.cursor, from)) {
      lose(one);
      continue;
    }
    one.state = "served";
    one.lane = lane;
    delete one.error;
    if (!isPosition(one.cursor)) {
      one.cursor = one.cursor ? cursor : head;
    } else if (!hasReached(one.cursor, from) && !hasReached(head, one.cursor)) {
      // Its epoch is not the log's. Where only `from` is of another one, the stream repeats messages that
      // this subscription has passed, and its cursor stays.
      one.cursor = cursor;
      call(() => one.onGap?.({ channels: [one.channel], reason: "restarted" }));
    }
    call(one.onChange);
  }
}

/** No stream serves this subscription any more, until the next `hello`. */
export function lose(one: ClientSubscription): void {
  if (one.state === "served") one.state = "lost";
}

/** Delivers a frame of a lane's stream. It says nothing about what other lanes bring. */
export function deliver(
  subscriptions: ReadonlySet<ClientSubscription>,
  lane: number,
  { cursor, channel, event, data }: FrameMessage,
  { call, report }: { readonly call: Call; readonly report: (error: ErrorRecord) => void },
): void {
  const served = [...subscriptions].filter((one) => one.state === "served" && one.lane === lane);
  let behind = served.filter((one) => !hasReached(one.cursor, cursor));
  try {
    if (event === "gap") {
      const gap: Gap = JSON.parse(data);
      // The log has lost what these cursors had reached, so they go back to its head.
      if (gap.reason === "ahead") behind = served;
      // The cursor of a gap is the place of the stream. Messages may be missing after it as well, so a
      // subscription ahead of it gets the gap too.
      for (const { covers, onGap } of served) {
        if (gap.channels.some((name) => covers.test(name))) call(() => onGap?.(gap));
      }
    } else {
      const receivers =
        event === "ping"
          ? served.filter((one) => one.event === event)
          : // A subscription to members knows the cursor of its own set.
            (channel.startsWith("~") ? served : behind).filter(
              (one) => (one.event ?? event) === event && one.covers.test(channel),
            );
      if (receivers.length) {
        const message = {
          id: cursor,
          channel,
          event,
          data: JSON.parse(data),
          time: timeOf(cursor),
        };
        for (const one of receivers) {
          // An earlier listener may have ended this subscription.
          if (one.state !== "ended") call(() => one.onMessage(message.data, message));
        }
      }
    }
  } catch (error) {
    report({ code: "INVALID_MESSAGE", message: String(error) });
  }
  // Last: a cursor passes a message only after its listeners ran.
  for (const one of behind) one.cursor = cursor;
}
