import { topicCovers } from "../core/channel-name.ts";
import { backoffMs, type BackoffOptions } from "./backoff.ts";
import type { ErrorRecord } from "./client-error.ts";
import { olderCursor } from "./cursor.ts";
import { openLink, type Link, type LinkBlock, type LinkEnd, type LinkOptions } from "./link.ts";
import { attaches, isOwnStart, type HubMessage, type Wish } from "./protocol.ts";

export interface HubOptions extends LinkOptions {
  readonly backoff: BackoffOptions;
  /** Whether `headers(true)` may bring credentials better than those refused. */
  readonly canRefresh: () => boolean;
}

/** Keeps one link that serves what all tabs of a group wish. See SPEC.md, "One link for all". */
export interface Hub {
  /** The wishes of a tab, all of them; none when it is gone. */
  wish(tab: string, wishes?: readonly Wish[]): void;
  /** Ends a wait, unless the server asked for it. */
  hurry(): void;
  /** Finds a dead line now, and gives a sign of life. */
  check(): void;
  /** Asks anew for everything, with fresh credentials: make before break. */
  renew(): void;
  close(): void;
}

/** How long a link may carry channels that nobody wishes any more. */
const NARROW_MS = 5_000;
/** How long wishes are collected while a link is up. */
const COLLECT_MS = 10;
const STABLE_MS = 10_000;

type Timer = ReturnType<typeof setTimeout> | undefined;

export function createHub(options: HubOptions, tell: (message: HubMessage) => void): Hub {
  const { backoff } = options;
  const tabs = new Map<string, readonly Wish[]>();
  /** Serves the tabs; it is open. */
  let main: Link | undefined;
  /** Becomes the main link with its `hello`. */
  let next: Link | undefined;
  /** Serves what wished to start from `latest` or `earliest`, until it can be folded into `main`. */
  let side: Link | undefined;
  /** What the main link has handed over; outlives it. */
  let cursor = "";
  /** The channels of the last main link: what the server has granted. */
  let granted: ReadonlySet<string> = new Set();
  let openedAt = 0;
  let attempt = 0;
  let retryMs = 0;
  let retryAt = 0;
  /** The next request needs fresh credentials; such were asked for since the last `hello`. */
  let refresh = false;
  let refreshed = false;
  /** Everything wished, and what that was when the server refused it all. */
  let wished = "";
  let refused: string | undefined;
  /** What a tab that joins now must know. */
  let state: HubMessage = ALIVE;
  let waiting: Timer;
  let waitsAsTold = false;
  let collecting: Timer;
  let narrowing: Timer;
  let closed = false;

  const update = (): void => {
    clearTimeout(collecting);
    collecting = undefined;
    if (closed || waiting) return;

    const keys = new Set<string>();
    const unserved: string[] = [];
    const starts = new Map<string, string[]>();
    for (const [key, at] of [...tabs.values()].flat()) {
      if (at && isOwnStart(at)) starts.set(at, [...(starts.get(at) ?? []), key]);
      else if (at !== null || !side?.keys.has(key) || main?.keys.has(key)) keys.add(key);
      if (at !== null && !isOwnStart(at)) unserved.push(at);
    }
    // Waiting for its `ping` would keep those others waiting.
    if (side?.cursor && starts.size) side.atHead = true;
    if (side?.atHead) {
      side.keys.forEach((key) => keys.add(key));
      unserved.push(side.cursor);
    }
    wished = [...keys, ...[...starts.values()].flat()].sort().join();
    if (refused === wished) return;
    if (refused !== undefined) retry();

    for (const [start, startKeys] of starts) {
      if (keys.size || main) side ??= open(startKeys, start);
      else next ??= open(startKeys, start);
    }
    if (!keys.size) {
      if (!starts.size) next = next?.close();
      main = main?.close();
      cursor = "";
      return;
    }
    const serves = (link: Link, from: string): boolean =>
      hasAll(link, keys) && unserved.every((at) => attaches(at, from));
    if (main && !main.leaving && serves(main, main.cursor)) {
      next = next?.close();
      if (unserved.length) announce(main, main.cursor, main.cursor);
      if (main.keys.size > keys.size) narrowing ??= setTimeout(narrow, NARROW_MS);
    } else if (!next || !serves(next, next.from)) {
      next?.close();
      next = open(keys, unserved.reduce(olderCursor, cursor));
    }
  };

  const open = (keys: Iterable<string>, from: string): Link => {
    const wasRefused = refresh;
    refresh = false;
    return openLink([...keys].sort(), from, wasRefused, {
      ...options,
      onHello,
      onBlock,
      onEnd,
      onRetry: (ms) => (retryMs = ms),
    });
  };

  const onHello = (link: Link, head: string, channels: unknown): void => {
    const denied = [...link.keys].filter((key) => !isGranted(key, channels));
    for (const key of denied) link.keys.delete(key);
    if (link === next) {
      main?.close();
      [main, next] = [link, undefined];
      cursor = link.cursor;
      granted = link.keys;
      openedAt = Date.now();
      refreshed = false;
      state = ALIVE;
    }
    announce(link, link.from, head);
    if (denied.length) deny(denied, { code: "STREAM_REFUSED", message: "Not granted." });
    collect();
  };

  const announce = (link: Link, from: string, head: string): void => {
    const { id, keys, silenceMs } = link;
    const live = [main, side].flatMap((link) => link?.id ?? []);
    tell({
      type: "hello",
      link: id,
      keys: [...keys],
      from,
      cursor: link.cursor,
      head,
      silenceMs,
      live,
    });
    for (const [tab, wishes] of tabs) {
      const nowServed = ([key, at]: Wish): boolean =>
        at !== null && keys.has(key) && attaches(at, from);
      tabs.set(
        tab,
        wishes.map((wish) => (nowServed(wish) ? [wish[0], null] : wish)),
      );
    }
    if (side?.atHead && hasAll(link, side.keys) && attaches(side.cursor, from)) {
      side = side.close();
    }
  };

  const onBlock = (link: Link, block: LinkBlock): void => {
    if (block.event === "bye") {
      const bye = JSON.parse(block.data);
      link.leaving = true;
      refresh ||= bye.reason === "unauthorized";
      if (link === main && !waiting) wait(bye.retryMs || 0, true);
      return;
    }
    tell({ type: "block", link: link.id, ...block });
    // Last: a cursor passes a message only after its listeners ran.
    link.cursor = block.cursor;
    if (link === main) cursor = block.cursor;
    if (block.event === "ping" && !link.atHead) {
      link.atHead = true;
      if (link === side) update();
    }
  };

  const onEnd = (link: Link, { error, waitMs, channels }: LinkEnd): void => {
    const wasMain = link === main;
    if (wasMain) main = undefined;
    else if (link === next) next = undefined;
    else if (link.cursor) link.atHead = true;
    else side = undefined;

    if (error.code === "STREAM_REFUSED" || error.code === "INVALID_URL") {
      refuse(link, error, channels);
      return;
    }
    if (wasMain && Date.now() - openedAt >= (backoff.stableMs ?? STABLE_MS)) attempt = 0;
    if (!waiting && !(wasMain && next)) {
      wait(backoffMs(attempt++, waitMs ?? retryMs, backoff), waitMs !== undefined);
    }
    if (!main) tell((state = { type: "lost", error, retryAt }));
  };

  const refuse = (link: Link, error: ErrorRecord, channels: unknown): void => {
    if ((error.status === 401 || error.status === 403) && options.canRefresh() && !refreshed) {
      refresh = refreshed = true;
      update();
      return;
    }
    const all = [...link.keys];
    const named = Array.isArray(channels) ? all.filter((key) => channels.includes(key)) : [];
    const added = all.filter((key) => !granted.has(key));
    const some = [named, added].find((keys) => keys.length && keys.length < all.length);
    const keys = some ?? (link.from && isOwnStart(link.from) && main ? all : undefined);
    if (keys) {
      deny(keys, error);
      update();
    } else {
      closeLinks();
      refused = wished;
      tell((state = { type: "refuse", error }));
    }
  };

  /** Refuses channels, save to subscriptions that the main link serves. */
  const deny = (keys: readonly string[], error: ErrorRecord): void => {
    for (const [tab, wishes] of tabs) {
      const isKept = ([key, at]: Wish): boolean =>
        !keys.includes(key) || (at === null && main?.keys.has(key) === true);
      tabs.set(tab, wishes.filter(isKept));
    }
    tell({ type: "refuse", error, keys });
  };

  const retry = (): void => {
    refused = undefined;
    state = ALIVE;
    tell({ type: "retry" });
  };

  const wait = (ms: number, asTold: boolean): void => {
    waitsAsTold = asTold;
    retryAt = Date.now() + ms;
    waiting = setTimeout(proceed, ms);
  };

  const proceed = (): void => {
    clearTimeout(waiting);
    waiting = undefined;
    update();
  };

  const collect = (): void => {
    collecting ??= setTimeout(update, main ? COLLECT_MS : 0);
  };

  const narrow = (): void => {
    narrowing = undefined;
    const keys = new Set([...tabs.values()].flat().map(([key]) => key));
    if (main && main.keys.size > keys.size) main.leaving = true;
    update();
  };

  const closeLinks = (): void => {
    main = main?.close();
    next = next?.close();
    side = side?.close();
  };

  const hurry = (): void => {
    if (!waitsAsTold) attempt = 0;
    if (!waitsAsTold || !waiting) proceed();
  };

  return {
    wish(tab, wishes) {
      if (!tabs.has(tab) && wishes) tell(state);
      if (wishes) tabs.set(tab, wishes);
      else tabs.delete(tab);
      collect();
    },
    hurry,
    check() {
      for (const link of [main, next, side]) link?.check();
      tell(state);
    },
    renew() {
      refreshed = false;
      if (main) main.leaving = true;
      next = next?.close();
      retry();
      hurry();
    },
    close() {
      closed = true;
      closeLinks();
      for (const timer of [waiting, collecting, narrowing]) clearTimeout(timer);
    },
  };
}

const ALIVE: HubMessage = { type: "alive" };

/** Whether `hello` lists the channel, or for a pattern, at least something of it. */
function isGranted(key: string, channels: unknown): boolean {
  if (!Array.isArray(channels)) return true;
  return channels.some((name) => name === key || topicCovers(key, String(name)));
}

function hasAll(link: Link, keys: ReadonlySet<string>): boolean {
  return [...keys].every((key) => link.keys.has(key));
}
