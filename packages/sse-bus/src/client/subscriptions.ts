import { topicCovers } from "../core/channel-name.ts";
import type { Gap } from "../core/packet.ts";
import { toError, type ErrorRecord, type SseClientError } from "./client-error.ts";
import { compareCursors, time } from "./cursor.ts";
import {
  attaches,
  isOwnStart,
  type BlockMessage,
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
  readonly listener?: ((data: unknown, message: ReceivedMessage) => void) | undefined;
  readonly event?: string | undefined;
  readonly onGap?: ((gap: Gap) => void) | undefined;
  readonly onChange?: (() => void) | undefined;
  /** What it has been handed; or where it starts: `latest`, `earliest`, empty for "from now on". */
  cursor: string;
  /** The link that serves it. */
  link?: string | undefined;
  /** Why the server refused its channel. */
  error?: SseClientError | undefined;
}

/** The subscriptions of one tab, and which link serves each. */
export interface Subscriptions {
  readonly all: ReadonlySet<Subscription>;
  add(subscription: Subscription): void;
  remove(subscription: Subscription): void;
  /** Moves to the link what it serves. Gives whether now every subscription has one. */
  attach(hello: HelloMessage): boolean;
  /** Hands a block to the listeners that its link serves. */
  deliver(block: BlockMessage): void;
  /** All links are gone. */
  detach(): void;
  /** The server refuses these channels to subscriptions that no link serves. */
  refuse(keys: readonly string[], error: ErrorRecord): void;
  /** Refused channels are wished again. */
  forgive(): void;
  wishes(): Wish[];
  /** The cursor that a subscription has reached; empty while it has none. */
  cursorOf(subscription: Subscription): string;
  /** Calls a user's function; what it throws is reported. */
  call(listener: (() => void) | undefined): void;
}

/** Keeps subscriptions. What goes wrong in one goes to `report`, and harms no other. */
export function createSubscriptions(report: (error: ErrorRecord) => void): Subscriptions {
  const all = new Set<Subscription>();
  const channels = new Map<string, Set<Subscription>>();
  const patterns = new Map<string, Set<Subscription>>();
  /** What each link has handed over. */
  const reached = new Map<string, string>();

  const indexOf = (key: string): Map<string, Set<Subscription>> =>
    key.includes("*") ? patterns : channels;

  const cursorOf = ({ link, cursor }: Subscription): string => {
    const linkCursor = link && reached.get(link);
    // A subscription that started ahead of its link stays there until the link gets to it.
    return linkCursor && !(compareCursors(linkCursor, cursor) <= 0) ? linkCursor : cursor;
  };

  const call = (listener: (() => void) | undefined): void => {
    try {
      listener?.();
    } catch (cause) {
      report({ code: "LISTENER_FAILED", message: String(cause), cause });
    }
  };

  const deliverGap = (isFor: (subscription: Subscription) => boolean, gap: Gap): void => {
    for (const subscription of [...all]) {
      const { key, onGap } = subscription;
      const isHit = gap.channels.some((name) => name === key || topicCovers(key, name));
      if (isHit && isFor(subscription)) call(() => onGap?.(gap));
    }
  };

  const deliverMessage = (
    isFor: (subscription: Subscription) => boolean,
    { cursor, channel, event, data }: BlockMessage,
  ): void => {
    const candidates = [...(channels.get(channel) ?? [])];
    for (const [pattern, some] of patterns) {
      if (topicCovers(pattern, channel)) candidates.push(...some);
    }
    const wanted = candidates.filter((one) => isFor(one) && (one.event ?? event) === event);
    if (!wanted.length) return;
    const parsed: unknown = JSON.parse(data);
    const message = { id: cursor, channel, event, data: parsed, time: time(cursor) };
    for (const one of wanted) {
      // An earlier listener may have ended this subscription.
      if (all.has(one)) call(() => one.listener?.(parsed, message));
    }
  };

  return {
    all,
    add(subscription) {
      const { key } = subscription;
      all.add(subscription);
      const index = indexOf(key);
      index.set(key, (index.get(key) ?? new Set()).add(subscription));
    },
    remove(subscription) {
      const { key } = subscription;
      all.delete(subscription);
      const index = indexOf(key);
      index.get(key)?.delete(subscription);
      if (!index.get(key)?.size) index.delete(key);
    },
    attach({ link, keys, from, cursor, head, live }) {
      const calls: (() => void)[] = [];
      let isServed = true;
      for (const one of all) {
        if (one.link === link || one.error) continue;
        const at = cursorOf(one);
        if (keys.includes(one.key) && attaches(at, from)) {
          const starts = !at || isOwnStart(at);
          const isUnknown = !starts && Number.isNaN(compareCursors(from, at));
          one.link = link;
          one.cursor = !at ? head : starts || isUnknown ? cursor : at;
          if (isUnknown) {
            calls.push(() => one.onGap?.({ channels: [one.key], reason: "restarted" }));
          }
          if (one.onChange) calls.push(one.onChange);
        } else if (!one.link || !live.includes(one.link)) {
          one.cursor = at;
          one.link = undefined;
          isServed = false;
        }
      }
      reached.set(link, cursor);
      for (const id of reached.keys()) if (!live.includes(id)) reached.delete(id);
      // Last, because they may subscribe and unsubscribe.
      calls.forEach(call);
      return isServed;
    },
    deliver(block) {
      const { link, cursor, event, data } = block;
      const before = reached.get(link);
      const order = before && compareCursors(cursor, before);
      if (before === undefined || (order as number) < 0) return;
      const isFor = (one: Subscription): boolean =>
        one.link === link && !(compareCursors(cursor, one.cursor) <= 0);
      try {
        if (event === "gap") deliverGap(isFor, JSON.parse(data) as Gap);
        else if (event !== "ping" && order !== 0) deliverMessage(isFor, block);
      } catch (cause) {
        report({ code: "INVALID_MESSAGE", message: `${cursor}: ${String(cause)}`, cause });
      }
      // Last: a cursor passes a message only after its listeners ran.
      if (reached.has(link)) reached.set(link, cursor);
    },
    detach() {
      for (const one of all) {
        one.cursor = cursorOf(one);
        one.link = undefined;
      }
      reached.clear();
    },
    refuse(keys, error) {
      for (const one of [...all]) {
        if (one.link || !keys.includes(one.key)) continue;
        one.error = toError(error);
        call(one.onChange);
      }
    },
    forgive() {
      for (const one of all) one.error = undefined;
    },
    wishes() {
      const wishes = new Map<string, Wish>();
      for (const { key, link, cursor, error } of all) {
        const wish: Wish = [key, link ? null : cursor];
        if (!error) wishes.set(wish.join(), wish);
      }
      return [...wishes.values()];
    },
    cursorOf,
    call,
  };
}
